import { expect, test } from 'vitest'
import { checkClauses, clauseTable, readClauses } from '../check-clauses.js'
import { fixture } from './fixture.js'

const agreeing = {
  'packages/compliance/src/clauses.ts':
    "export const clauses = { C1: 'One life.', C2: 'In ' + 'order.' } as const\n",
  'packages/compliance/src/describe-transport.ts':
    "clause('C1', 'lives once', () => {})\nclause.fails('C2', 'keeps order', () => {})\n",
  'packages/compliance/test/broken-doubles.ts': 'export const broken = { C1: () => 1, C2() {} }\n',
  'docs/contract.md': '| id | clause |\n| --- | --- |\n| C1 | One life. |\n| C2 | In order. |\n',
}

test('accepts clauses that are documented, tested and broken by a double', () => {
  expect(checkClauses(fixture(agreeing))).toEqual([])
})

test('accepts a tree without a contract', () => {
  expect(checkClauses(fixture({ 'package.json': '{}' }))).toEqual([])
})

test('reports a file that is missing', () => {
  const { 'docs/contract.md': _, ...rest } = agreeing
  expect(checkClauses(fixture(rest))).toEqual(['docs/contract.md: missing'])
})

test('finds a clause without a row, a test and a broken double', () => {
  const clauses = "export const clauses = { C1: 'One life.', C2: 'In order.', C3: 'New.' } as const\n"
  expect(checkClauses(fixture({ ...agreeing, 'packages/compliance/src/clauses.ts': clauses }))).toEqual([
    'docs/contract.md: no row for C3',
    "C3: no clause('C3', …) tests it",
    'packages/compliance/test/broken-doubles.ts: no broken double for C3',
  ])
})

test('finds rows, tests and doubles of a clause that does not exist', () => {
  const clauses = "export const clauses = { C1: 'One life.' } as const\n"
  expect(checkClauses(fixture({ ...agreeing, 'packages/compliance/src/clauses.ts': clauses }))).toEqual([
    'docs/contract.md: C2 is not in packages/compliance/src/clauses.ts',
    'packages/compliance/src/describe-transport.ts:2: there is no clause C2',
    'packages/compliance/test/broken-doubles.ts: there is no clause C2',
  ])
})

test('finds a clause whose text differs in the docs', () => {
  const contract = '| C1 | Many lives. |\n| C2 | In order. |\n'
  expect(checkClauses(fixture({ ...agreeing, 'docs/contract.md': contract }))).toEqual([
    'docs/contract.md: the text of C1 differs from packages/compliance/src/clauses.ts; run npm run generate',
  ])
})

test('accepts the table that it generates', () => {
  const clauses = "export const clauses = { C1: 'a | b', C2: 'c' } as const\n"
  const root = fixture({ ...agreeing, 'packages/compliance/src/clauses.ts': clauses })
  const table = clauseTable(readClauses(root))
  const same = fixture({
    ...agreeing,
    'packages/compliance/src/clauses.ts': clauses,
    'docs/contract.md': `${table}\n`,
  })
  expect(checkClauses(same)).toEqual([])
})
