import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../../docs/wires.md', import.meta.url), 'utf8')
const rows = new Map(
  page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, wire = '', ...cells]) => [wire, cells.slice(0, 4)]),
)

test.each(['stdio', 'tcp', 'unix', 'ws', 'http'])(
  'the docs say of %s how to connect, what a message is, how to cancel and how to end [CUST-03]',
  (wire) => {
    expect(rows.get('wire')).toEqual(['set up by', 'a message is', 'a request is cancelled by', 'the end is'])
    const cells = rows.get(wire) ?? []
    expect(cells).toHaveLength(4)
    expect(cells.filter((cell) => cell.length < 10)).toEqual([])
  },
)
