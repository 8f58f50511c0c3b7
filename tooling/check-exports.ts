import ts from 'typescript'
import { type Problems, runAsCheck } from './run-as-check.js'
import { readPublicApi } from './syntax.js'

/** Every exported name of a package has a doc comment. */
export function checkExports(root: string): Problems {
  const { checker, names } = readPublicApi(root)
  return names
    .filter(({ symbol }) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() === '')
    .map(({ specifier, name }) => `${specifier}: export '${name}' has no doc comment`)
}

await runAsCheck(import.meta.url, checkExports)
