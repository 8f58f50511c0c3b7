import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { type Problems, runAsCheck } from './run-as-check.js'
import { nodesOf, parseFile, placeOf } from './syntax.js'
import { filesBelow, publicPackages } from './workspace.js'

const MAX_LINES = 400
const TIMER_GLOBALS = ['setTimeout', 'setInterval', 'setImmediate']
const TIME_AND_RANDOM_CALLS = ['Date.now', 'performance.now', 'Math.random', 'AbortSignal.timeout']

/** Sources and tests are short. Sources take time and randomness from `clock.ts`, so that tests can control both. */
export function checkSources(root: string): Problems {
  const files = (kind: string) =>
    publicPackages(root).flatMap(({ folder }) => filesBelow(root, `packages/${folder}/${kind}`, '.ts'))
  return [
    ...[...files('src'), ...files('test')].flatMap((path) => tooLong(root, path)),
    ...files('src')
      .filter((path) => !path.endsWith('/src/contract/clock.ts'))
      .flatMap((path) => uncontrolled(parseFile(root, path))),
  ]
}

function tooLong(root: string, path: string): string[] {
  const lines = readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length
  return lines > MAX_LINES ? [`${path}: ${lines} lines, more than ${MAX_LINES}`] : []
}

function uncontrolled(source: ts.SourceFile): string[] {
  return [...nodesOf(source)].flatMap((node) => {
    const use = timeOrRandomness(node)
    return use === undefined ? [] : [`${placeOf(node)}: ${use} outside clock.ts; use the clock`]
  })
}

function timeOrRandomness(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText().replace(/^globalThis\./, '')
    return [...TIME_AND_RANDOM_CALLS, ...TIMER_GLOBALS].includes(text) ? text : undefined
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'new Date()'
  if (ts.isIdentifier(node) && TIMER_GLOBALS.includes(node.text) && !isMemberName(node)) return node.text
  return undefined
}

/** Whether it is the `x` of `a.x`, `{ x: … }` or `x(): …`: a member, not the global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isMethodDeclaration(parent)) &&
    parent.name === node
  )
}

await runAsCheck(import.meta.url, checkSources)
