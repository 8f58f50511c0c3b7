import { expect, test } from 'vitest'
import { checkRequirements } from '../check-requirements.js'
import type { Section } from '../requirements/index.js'
import { all, span, stateless } from '../requirements/requirement.js'
import { requirementsPage } from '../requirements-page.js'
import { fixture } from './fixture.js'

const sections: readonly Section[] = [
  {
    title: 'Streams',
    rules: [
      { id: 'GEN-01', revisions: all, owner: 'transport', packages: ['wire'], rule: 'One a line.' },
      { id: 'HTTP-S-10', revisions: stateless, owner: 'transport', packages: ['wire'], rule: '202 | 4xx.' },
      { id: 'GEN-04', revisions: span('2025-03-26', '2026-07-28'), owner: 'sdk', rule: 'Ids differ.' },
    ],
  },
]
const PATH = 'packages/wire/test/deep/wire.test.ts'
const COMPLIANCE = 'packages/compliance/src/cases.ts'

function problemsWith(source: string): readonly string[] {
  return checkRequirements(fixture({ [PATH]: source }), sections)
}

const both = "test('reads lines [GEN-01, HTTP-S-10]', () => {})\n"
const missing = 'HTTP-S-10 (wire): no test cites it: 202 | 4xx.'

test.each([
  ['one title', both],
  ['titles of rows', "test.each([1])('reads %i [GEN-01]', f)\nit.each`a`('b [HTTP-S-10]', f)\n"],
  ['a template', 'for (const a of b) test(`reads $' + '{a} [GEN-01, HTTP-S-10]`, f)\n'],
  ['a test of some platforms', "describe('x', () => { test.skipIf(a)('b [GEN-01, HTTP-S-10]', f) })\n"],
])('accepts rules that are cited by %s', (_, source) => {
  expect(problemsWith(source)).toEqual([])
})

test('accepts rules that the compliance suite cites', () => {
  const root = fixture({ [COMPLIANCE]: "clause('C2', 'x [GEN-01, HTTP-S-10]', f)\n", [PATH]: '' })
  expect(checkRequirements(root, sections)).toEqual([])
})

test.each([
  ['skipped', "test.skip('a [HTTP-S-10]', f)"],
  ['still to do', "test.todo('a [HTTP-S-10]')"],
  ['expected to fail', "test.fails('a [HTTP-S-10]', f)"],
  ['in a group that is skipped', "describe.skip('x', () => { test('a [HTTP-S-10]', f) })"],
  ['skipped by an option', "test('a [HTTP-S-10]', { skip: true }, f)"],
  ['skipped for every row', "test.skip.each([1])('a [HTTP-S-10]', f)"],
  ['no test but a group', "describe('a [HTTP-S-10]', () => {})"],
  ['no code', "// test('a [HTTP-S-10]', f)"],
  ['not in brackets', "test('a HTTP-S-10', f)"],
])('ignores a citation that is %s', (_, source) => {
  expect(problemsWith(`test('a [GEN-01]', f)\n${source}\n`)).toEqual([missing])
})

test('reads citations from test files only', () => {
  const root = fixture({ [PATH]: "test('a [GEN-01]', f)", 'packages/wire/test/support.ts': both })
  expect(checkRequirements(root, sections)).toEqual([missing])
})

test('finds a citation of an unknown rule', () => {
  expect(problemsWith(`${both}test('b [GEN-99]', f)\n`)).toEqual([`${PATH}:2: there is no rule GEN-99`])
})

test('finds a rule that is listed twice, has no package, or names an unknown one', () => {
  const [{ rules }] = sections as [Section]
  const wrong: Section = {
    title: 'Wrong',
    rules: [
      { id: 'GEN-01', revisions: all, owner: 'sdk', rule: 'Again.' },
      { id: 'GEN-05', revisions: all, owner: 'transport', rule: 'Whose?' },
      { id: 'GEN-06', revisions: all, owner: 'transport', packages: ['gone'], rule: 'Where?' },
    ],
  }
  const root = fixture({ [PATH]: `${both}test('b [GEN-05, GEN-06]', f)\n` })
  expect(checkRequirements(root, [{ title: 'Streams', rules }, wrong])).toEqual([
    'GEN-01: is listed twice',
    'GEN-05: `packages` belongs to rules of a transport, and to them alone',
    'GEN-06: there is no package gone',
  ])
})

test('writes a row for each rule, with links to the tests', () => {
  const page = requirementsPage(fixture({ [PATH]: both, [COMPLIANCE]: "test('b [GEN-01]', f)" }), sections)
  const link = `[wire/test/deep/wire.test.ts](../${PATH})`
  expect(page.split('\n')).toEqual(
    expect.arrayContaining([
      '## Streams',
      `| GEN-01 | One a line. | all | transport: wire | [compliance/src/cases.ts](../${COMPLIANCE}), ${link} |`,
      `| HTTP-S-10 | 202 \\| 4xx. | 2026-07-28 | transport: wire | ${link} |`,
      '| GEN-04 | Ids differ. | since 2025-03-26 | sdk | – |',
    ]),
  )
})
