import ts from 'typescript'
import { nameOf } from './prose/texts.js'
import { nodesOf, parseFile, placeOf } from './syntax.js'
import { filesBelow } from './workspace.js'

/** One test that cites the id of a rule. */
export interface Citation {
  readonly id: string
  /** The file of the test. */
  readonly path: string
  /** `path:line`. */
  readonly place: string
}

const ID = '[A-Z]{3,}(?:-[A-Z])?-\\d{2,}'
const IDS_IN_BRACKETS = new RegExp(`\\[(${ID}(?:, ${ID})*)\\]`, 'g')

/** Functions that declare a test, such as `test`, `it.each` and `clause`. */
const DECLARES_TEST = /^(?:test|it|clause)\b/
/** Modifiers that prevent a test from running or from failing. `skipIf` and `runIf` depend on the platform. */
const DOES_NOT_ASSERT = /\.(?:skip|todo|fails)\b/

/** Every id in brackets in the title of a test. A test that is skipped or expected to fail cites nothing. */
export function citations(root: string): Citation[] {
  return testFiles(root).flatMap((path) =>
    [...nodesOf(parseFile(root, path))]
      .filter(ts.isCallExpression)
      .filter(declaresTest)
      .flatMap((call) => idsOf(call).map((id) => ({ id, path, place: placeOf(call) }))),
  )
}

function testFiles(root: string): string[] {
  const all = filesBelow(root, 'packages', '.ts')
  return all.filter(
    (path) =>
      /^packages\/[^/]+\/test\/.*\.test\.ts$/.test(path) || path.startsWith('packages/compliance/src/'),
  )
}

function declaresTest(call: ts.CallExpression): boolean {
  const name = nameOf(call)
  if (!DECLARES_TEST.test(name) || DOES_NOT_ASSERT.test(name) || call.arguments.some(isTurnedOff))
    return false
  return ![...callsAround(call)].some((outer) => DOES_NOT_ASSERT.test(nameOf(outer)))
}

function* callsAround(node: ts.Node): Generator<ts.CallExpression> {
  for (let outer = node.parent; outer !== undefined; outer = outer.parent) {
    if (ts.isCallExpression(outer)) yield outer
  }
}

/** Whether an argument is `{ skip: true }` or one of its kind. */
function isTurnedOff(argument: ts.Expression): boolean {
  if (!ts.isObjectLiteralExpression(argument)) return false
  return argument.properties.some(
    (property) =>
      ts.isPropertyAssignment(property) &&
      /^(?:skip|todo|fails)$/.test(property.name.getText()) &&
      property.initializer.kind === ts.SyntaxKind.TrueKeyword,
  )
}

/** The ids in the title: the first argument of a test, the second of a clause. */
function idsOf(call: ts.CallExpression): string[] {
  return call.arguments
    .slice(0, 2)
    .filter((argument) => ts.isStringLiteralLike(argument) || ts.isTemplateExpression(argument))
    .flatMap((title) => [...title.getText().matchAll(IDS_IN_BRACKETS)])
    .flatMap(([, ids = '']) => ids.split(', '))
}
