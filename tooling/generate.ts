import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { clauseTable, readClauses } from './check-clauses.js'
import { errorsPage } from './errors-page.js'
import { fillBlock, fillExamples } from './markdown-blocks.js'
import { optionTables } from './option-tables.js'
import { requirementsPage } from './requirements-page.js'
import { type Problems, runAsCheck } from './run-as-check.js'
import { markdownFiles } from './workspace.js'

const ERRORS_PAGE = 'docs/errors.md'
const ERRORS_SOURCE = 'packages/core/src/contract/errors.ts'
const CLAUSES_SOURCE = 'packages/compliance/src/clauses.ts'
const REQUIREMENTS_PAGE = 'docs/requirements.md'

/** The generated docs: path → text. Throws when a source is incomplete. */
export function generatedDocs(root: string): Map<string, string> {
  const files = new Map<string, string>()
  if (existsSync(join(root, ERRORS_SOURCE))) files.set(ERRORS_PAGE, errorsPage(root, ERRORS_SOURCE))
  if (existsSync(join(root, CLAUSES_SOURCE))) files.set(REQUIREMENTS_PAGE, requirementsPage(root))

  const tables = optionTables(root)
  if (existsSync(join(root, CLAUSES_SOURCE))) tables.set('clauses', clauseTable(readClauses(root)))
  for (const path of markdownFiles(root)) {
    if (path === ERRORS_PAGE || path === REQUIREMENTS_PAGE) continue
    const text = readFileSync(join(root, path), 'utf8')
    files.set(path, fillExamples(fillBlock(text, path, tables), path, root))
  }
  return files
}

/** The generated parts of the docs are up to date with their sources. */
export function checkGenerated(root: string): Problems {
  return stale(root).map(([path]) => `${path}: out of date; run npm run generate`)
}

function stale(root: string): [string, string][] {
  return [...generatedDocs(root)].filter(([path, text]) => {
    const absolute = join(root, path)
    return !existsSync(absolute) || readFileSync(absolute, 'utf8') !== text
  })
}

function write(root: string): Problems {
  for (const [path, text] of stale(root)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    console.log(`wrote ${path}`)
  }
  return []
}

await runAsCheck(import.meta.url, process.argv.includes('--check') ? checkGenerated : write)
