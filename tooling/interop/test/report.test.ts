import { expect, test } from 'vitest'
import type { Cell, Outcome } from '../src/cell.js'
import { lineOf, matrixOf, type PeerReport, updatedMatrix } from '../src/report.js'

const cell: Cell = {
  peer: 'Go',
  direction: 'peer client',
  wire: 'tcp',
  sdk: 'v1',
  client: { argv: [] },
  server: { argv: [] },
}
const ok: Outcome = { cell, status: 'ok', protocol: '2025-11-25', milliseconds: 7 }

test('logs a cell on one line', () => {
  const line = lineOf({ cell, status: 'failed', reason: 'echo: a\nmore', milliseconds: 7 })

  expect(line).toBe('failed     Go | peer client | tcp, SDK v1 (7 ms) echo: a | more')
})

test('writes one table for each direction of a peer, with a column for each SDK line', () => {
  const behind: Outcome = {
    ...ok,
    cell: { ...cell, direction: 'peer server behind the bridge', wire: 'http to stdio', sdk: undefined },
  }
  const other: Outcome = { ...ok, cell: { ...cell, sdk: 'v2' }, protocol: '2026-07-28' }

  const page = matrixOf([{ label: 'Go', notes: [], outcomes: [behind, ok, other] }])

  expect(page).toContain(
    '| peer client | SDK v1 | SDK v2 |\n| --- | --- | --- |\n| tcp | ok 2025-11-25 | ok 2026-07-28 |',
  )
  expect(page).toContain(
    '| peer server behind the bridge | outcome |\n| --- | --- |\n| http to stdio | ok 2025-11-25 |',
  )
})

test('counts the outcomes of each peer', () => {
  const failed: Outcome = { cell, status: 'failed', reason: 'echo: a', milliseconds: 7 }

  expect(matrixOf([{ label: 'Go', notes: [], outcomes: [ok, failed] }])).toContain('| Go | 1 | 0 | 1 |')
})

test('writes the fault of a peer with its evidence', () => {
  const outcome: Outcome = {
    ...ok,
    cell: { ...cell, peerFault: 'It drops text.' },
    status: 'peer fault',
    reason: 'echo: a',
  }

  const page = matrixOf([{ label: 'Go', notes: [], outcomes: [outcome] }])

  expect(page).toContain('- peer client, tcp, SDK v1: It drops text. Observed: `echo: a`')
})

test('writes the notes of a peer, and peers that could not be installed', () => {
  const page = matrixOf([
    { label: 'Java', notes: ['One thread is used.'], outcomes: [ok] },
    { label: 'Rust', notes: [], outcomes: [], missing: 'no cargo' },
  ])

  expect(page).toContain('## Java\n\n- One thread is used.\n')
  expect(page).toContain('## Rust\n\nNot run: it could not be installed.')
})

test('replaces the sections of some peers, and keeps those of the others', () => {
  const failed: Outcome = { cell, status: 'failed', reason: 'echo: a', milliseconds: 7 }
  const report = (label: string, ...outcomes: Outcome[]): PeerReport => ({ label, notes: [], outcomes })
  const [go, rust, java] = [report('Go', ok), report('Rust', failed), report('Java', ok)]
  const before = matrixOf([go, rust, java])

  expect(updatedMatrix(before, [report('Rust', ok, ok)])).toBe(matrixOf([go, report('Rust', ok, ok), java]))
  expect(updatedMatrix(before, [report('Java', failed)])).toBe(matrixOf([go, rust, report('Java', failed)]))
  expect(updatedMatrix(before, [])).toBe(before)
})
