import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../../docs/wires.md', import.meta.url), 'utf8')
const rows = new Map(
  page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, medium = '', ...cells]) => [medium, cells.slice(0, 4)]),
)

test.each(['stdio', 'tcp', 'unix', 'ws', 'http'])(
  'docs/wires.md describes setup, messages, cancellation and end of %s [CUST-03]',
  (medium) => {
    const cells = rows.get(medium) ?? []
    expect(cells).toHaveLength(4)
    expect(cells.filter((cell) => cell.length < 10)).toEqual([])
  },
)
