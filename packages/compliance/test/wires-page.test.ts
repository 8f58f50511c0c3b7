import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../../docs/wires.md', import.meta.url), 'utf8')
/** The first table of the page: how each wire connects, separates messages, cancels and ends. */
const rows = page
  .slice(page.indexOf('\n| wire |'))
  .trimStart()
  .split('\n\n', 1)
  .flatMap((table) => table.split('\n'))
  .map((line) => line.split('|').map((cell) => cell.trim()))

test.each(['stdio', 'tcp', 'unix', 'ws', 'http'])(
  'docs/wires.md describes setup, messages, cancellation and end of %s [CUST-03]',
  (medium) => {
    const ofWire = rows.filter(([, name = '']) => name === medium || name.startsWith(`${medium},`))
    expect(ofWire).not.toEqual([])
    for (const [, , ...cells] of ofWire) expect(cells.filter((cell) => cell !== '')).toHaveLength(4)
  },
)
