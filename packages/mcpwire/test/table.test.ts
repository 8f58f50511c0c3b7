import { describe, expect, test } from 'vitest'
import { printable } from '../src/printable.js'
import { hasColour, table } from '../src/table.js'

const terminal = { isTTY: true, columns: 40, hasColors: () => true }

describe('a table', () => {
  test('is coloured on a terminal only', () => {
    const drawn = table(
      [
        [
          { text: 'health', style: 'bold' },
          { text: 'fine', style: 'green' },
        ],
      ],
      terminal,
    )
    expect(drawn).toContain('\u001b[32mfine')
    expect(table([['plain']], { isTTY: false })).not.toContain('\u001b')
  })

  test.each([
    ['a terminal', terminal, {}, true],
    ['a terminal, NO_COLOR empty', terminal, { NO_COLOR: '' }, true],
    ['a terminal, NO_COLOR set', terminal, { NO_COLOR: '1' }, false],
    ['a terminal without colours', { isTTY: true, hasColors: () => false }, {}, false],
    ['a file', {}, {}, false],
    ['a pipe', { isTTY: false, hasColors: () => true }, {}, false],
  ])('chooses colours for %s', (_, output, environment, expected) => {
    expect(hasColour(output, environment)).toBe(expected)
  })

  test('wraps to the width of the terminal', () => {
    const lines = table([['tools', 'word '.repeat(50)]], terminal).split('\n')
    expect(lines.length).toBeGreaterThan(3)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40)
  })

  test('replaces control characters in texts of a server', () => {
    const drawn = table([['name', 'evil\u001b[2J\u0007\u202e\nname']], terminal)
    for (const character of ['\u001b', '\u0007', '\u202e']) expect(drawn).not.toContain(character)
    expect(drawn).toContain('evil')
  })
})

test('printable() returns one line', () => {
  expect(printable(' a\r\n\tb\u001b[31m ')).toBe('a b\ufffd[31m')
})
