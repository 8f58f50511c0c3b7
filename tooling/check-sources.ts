import ts from 'typescript'
import { type Problems, runAsCheck } from './run-as-check.js'
import { nodesOf, parseFile, placeOf } from './syntax.js'
import { filesBelow, publicPackages } from './workspace.js'

const MAX_LINES = 400
const TIMER_GLOBALS = ['setTimeout', 'setInterval', 'setImmediate']
const TIME_AND_CHANCE_CALLS = ['Date.now', 'performance.now', 'Math.random', 'AbortSignal.timeout']

/** Source files stay short, and take time and chance from `clock.ts`, so that tests can steer both. */
export function checkSources(root: string): Problems {
  return publicPackages(root)
    .flatMap(({ folder }) => filesBelow(root, `packages/${folder}/src`, '.ts'))
    .flatMap((path) => problemsIn(parseFile(root, path), path))
}

function problemsIn(source: ts.SourceFile, path: string): string[] {
  const lines = source.text.trimEnd().split('\n').length
  const tooLong = lines > MAX_LINES ? [`${path}: ${lines} lines, more than ${MAX_LINES}`] : []
  if (path.endsWith('/src/contract/clock.ts')) return tooLong
  const uses = [...nodesOf(source)].flatMap((node) => {
    const use = timeOrChance(node)
    return use === undefined ? [] : [`${placeOf(node)}: ${use} outside clock.ts; take it from the clock`]
  })
  return [...tooLong, ...uses]
}

function timeOrChance(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText().replace(/^globalThis\./, '')
    return [...TIME_AND_CHANCE_CALLS, ...TIMER_GLOBALS].includes(text) ? text : undefined
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length)
    return 'new Date()'
  if (ts.isIdentifier(node) && TIMER_GLOBALS.includes(node.text) && !isMemberName(node)) return node.text
  return undefined
}

/** True for the `x` of `a.x`, `{ x: … }` and `x(): …`: names of members, not the globals. */
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
