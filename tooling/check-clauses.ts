import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { type Problems, runAsCheck } from './run-as-check.js'
import { nodesOf, objectLiteralOf, oneLine, parseFile, placeOf, propertyNameOf } from './syntax.js'
import { filesBelow } from './workspace.js'

const CLAUSES = 'packages/compliance/src/clauses.ts'
const DOUBLES = 'packages/compliance/test/broken-doubles.ts'
const CONTRACT = 'docs/contract.md'
const SUITES = ['packages/compliance/src', 'packages/compliance/test']
const CLAUSE_ID = /^C\d+$/

/** The docs contain each clause of the contract, the suites test it, and they report a broken double of it. */
export function checkClauses(root: string): Problems {
  const absent = [CLAUSES, DOUBLES, CONTRACT].filter((path) => !existsSync(join(root, path)))
  // A tree without a contract has no clauses.
  if (absent.length === 3) return []
  if (absent.length > 0) return absent.map((path) => `${path}: missing`)

  const clauses = readClauses(root)
  const documented = documentedClauses(root)
  return [
    ...difference(clauses.keys(), documented.keys(), (id) => `${CONTRACT}: no row for ${id}`),
    ...difference(documented.keys(), clauses.keys(), (id) => `${CONTRACT}: ${id} is not in ${CLAUSES}`),
    ...[...documented]
      .filter(([id, text]) => clauses.has(id) && clauses.get(id) !== text)
      .map(([id]) => `${CONTRACT}: the text of ${id} differs from ${CLAUSES}; run npm run generate`),
    ...compareCalls(root, clauses),
    ...compareDoubles(root, clauses),
  ]
}

/** The clauses as `clauses.ts` states them: id → text. */
export function readClauses(root: string): Map<string, string> {
  const literals = exportedLiterals(parseFile(root, CLAUSES))
  const literal = literals.find((candidate) => idsOf(candidate).length > 0)
  const rows = (literal?.properties ?? []).flatMap((property): [string, string][] => {
    const id = propertyNameOf(property)
    if (id === undefined || !ts.isPropertyAssignment(property)) return []
    return [[id, oneLine(textOf(property.initializer))]]
  })
  return new Map(rows)
}

/** The table of clauses in the docs. */
export function clauseTable(clauses: ReadonlyMap<string, string>): string {
  const rows = [...clauses].map(([id, text]) => `| ${id} | ${text.replaceAll('|', '\\|')} |`)
  return ['| id | clause |', '| --- | --- |', ...rows].join('\n')
}

function documentedClauses(root: string): Map<string, string> {
  const rows = readFileSync(join(root, CONTRACT), 'utf8').matchAll(/^\| *`?(C\d+)`? *\|(.*)\|\s*$/gm)
  return new Map([...rows].map(([, id = '', text = '']) => [id, oneLine(text.replaceAll('\\|', '|'))]))
}

function compareCalls(root: string, clauses: ReadonlyMap<string, string>): string[] {
  const calls = SUITES.flatMap((folder) => filesBelow(root, folder, '.ts'))
    .flatMap((path) => [...nodesOf(parseFile(root, path))])
    .filter(ts.isCallExpression)
    .filter(({ expression }) => /^clause(\.\w+)*$/.test(expression.getText()))
    .flatMap((call) => {
      const [id] = call.arguments
      return id !== undefined && ts.isStringLiteralLike(id) ? [{ id: id.text, place: placeOf(call) }] : []
    })
  const tested = new Set(calls.map(({ id }) => id))
  return [
    ...difference(clauses.keys(), tested, (id) => `${id}: no clause('${id}', …) tests it`),
    ...calls
      .filter(({ id }) => !clauses.has(id))
      .map(({ id, place }) => `${place}: there is no clause ${id}`),
  ]
}

function compareDoubles(root: string, clauses: ReadonlyMap<string, string>): string[] {
  const doubles = exportedLiterals(parseFile(root, DOUBLES)).flatMap(idsOf)
  return [
    ...difference(clauses.keys(), doubles, (id) => `${DOUBLES}: no broken double for ${id}`),
    ...difference(doubles, clauses.keys(), (id) => `${DOUBLES}: there is no clause ${id}`),
  ]
}

function exportedLiterals(source: ts.SourceFile): ts.ObjectLiteralExpression[] {
  return source.statements
    .filter(ts.isVariableStatement)
    .filter(({ modifiers }) => modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword))
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .flatMap(({ initializer }) => objectLiteralOf(initializer) ?? [])
}

function idsOf(literal: ts.ObjectLiteralExpression): string[] {
  return literal.properties.flatMap((property) => {
    const id = propertyNameOf(property)
    return id !== undefined && CLAUSE_ID.test(id) ? [id] : []
  })
}

/** The value of a string literal, or of several that `+` joins. */
function textOf(node: ts.Expression): string {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isBinaryExpression(node)) return textOf(node.left) + textOf(node.right)
  throw new Error(`${placeOf(node)}: the text of a clause must be a string literal`)
}

function difference(all: Iterable<string>, known: Iterable<string>, say: (id: string) => string): string[] {
  const seen = new Set(known)
  return [...all].filter((id) => !seen.has(id)).map(say)
}

await runAsCheck(import.meta.url, checkClauses)
