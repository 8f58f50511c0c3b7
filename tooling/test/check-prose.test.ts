import { expect, test } from 'vitest'
import { checkProse } from '../check-prose.js'
import { fixture, manifest } from './fixture.js'

const SOURCE = 'packages/core/src/a.ts'
const TEST = 'packages/core/test/a.test.ts'

function check(path: string, text: string): readonly string[] {
  return checkProse(fixture({ ...manifest('core'), [path]: text }))
}

test.each([
  [
    'a doc comment',
    SOURCE,
    '/** Opens the door. */\nexport const a = 1\n',
    `${SOURCE}:1: 'door' in a comment; write: `,
  ],
  [
    'a doc comment of a member',
    SOURCE,
    'interface A {\n  /** Told to\n   * nobody. */\n  a: 1\n}\n',
    `${SOURCE}:2: 'Told' in a comment; write: `,
  ],
  ['an inline comment', SOURCE, 'f(1) // so nobody waits\n', `${SOURCE}:1: 'nobody' in a comment; write: `],
  [
    'a phrase on two lines',
    SOURCE,
    '// It lets\n// go of the socket.\nf()\n',
    `${SOURCE}:1: 'lets go of' in a comment; write: `,
  ],
  [
    'an error message',
    SOURCE,
    "throw new Error('nobody listens')\n",
    `${SOURCE}:1: 'nobody' in a message; write: `,
  ],
  [
    'a template in a message',
    SOURCE,
    'hint(`This makes no sense`)\n',
    `${SOURCE}:1: 'makes no sense' in a message; write: `,
  ],
  ['the name of a function', SOURCE, 'function bringToDoor() {}\n', `${SOURCE}:1: 'door' in a name; write: `],
  [
    'the name of a private member',
    SOURCE,
    'class A {\n  #nobodyWaits = 1\n}\n',
    `${SOURCE}:2: 'nobody' in a name; write: `,
  ],
  [
    'the name of a file',
    'packages/core/src/lobby.ts',
    'f()\n',
    "packages/core/src/lobby.ts:1: 'lobby' in a name; write: ",
  ],
  [
    'the title of a test',
    TEST,
    "test('waits patiently for a response', f)\n",
    `${TEST}:1: 'patiently' in the title of a test; write: `,
  ],
  [
    'the title of rows',
    TEST,
    "it.each([1])('%i is told to a client', f)\n",
    `${TEST}:1: 'told' in the title of a test; write: `,
  ],
  [
    'the title of a group',
    TEST,
    "describe('farewells', f)\n",
    `${TEST}:1: 'farewells' in the title of a test; write: `,
  ],
  [
    'a README',
    'packages/core/README.md',
    '# core\n\nIt is of no use.\n',
    "packages/core/README.md:3: 'of no use' in docs; write: ",
  ],
  [
    'a page of docs',
    'docs/guides/a.md',
    'A seamless start.\n',
    "docs/guides/a.md:1: 'seamless' in docs; write: ",
  ],
  [
    'a changeset',
    '.changeset/a.md',
    '---\n---\n\nThe lobby is gone.\n',
    ".changeset/a.md:4: 'lobby' in docs; write: ",
  ],
])('finds a banned word in %s', (_where, path, text, problem) => {
  expect(check(path, text)).toContainEqual(expect.stringContaining(problem))
})

test('names the replacement of a banned word', () => {
  expect(check('docs/a.md', 'A farewell.\n')).toEqual([
    "docs/a.md:1: 'farewell' in docs; write: close reason",
  ])
})

test.each([
  ['a code span', 'docs/a.md', 'The user `nobody` runs it.\n'],
  ['a fence', 'docs/a.md', '```sh\nsudo -u nobody ls\n```\n'],
  ['the address of a link', 'docs/a.md', '[decision](004-a-door.md)\n'],
  ['a code span of a comment', SOURCE, '/** Runs as `nobody`. */\nf()\n'],
  ['the code of an example', SOURCE, '/**\n * Opens.\n *\n * ```ts\n * tell()\n * ```\n */\nf()\n'],
  ['a text without spaces', SOURCE, "f('nobody')\n"],
  ['a part of a longer word', SOURCE, '// An outdoor restroom.\nf()\n'],
  ['a call', SOURCE, 'clock.tell(1)\n'],
  ['a citation of a rule', TEST, "test('reads one line [DOOR-01]', f)\n"],
  ['a sentence about people', SOURCE, '/** Users who upgrade read this. */\nf()\n'],
])('allows %s', (_what, path, text) => {
  expect(check(path, text)).toEqual([])
})

test.each([
  ['two words', "test('reads lines', f)\n", 'is no sentence of at least 3 words'],
  ['two words and a citation', "test('reads lines [HTTP-01]', f)\n", 'is no sentence of at least 3 words'],
  ['a placeholder', "test.each([1])('%s', f)\n", 'is no sentence of at least 3 words'],
  ['a title that begins with "and"', "test('and then reads a line', f)\n", 'continues another one'],
  ['a title that begins with "also"', "it('also reads an empty line', f)\n", 'continues another one'],
  ['a group that begins with "and"', "describe('and of lines', f)\n", 'continues another one'],
])('finds a title of %s', (_what, text, problem) => {
  expect(check(TEST, text)).toEqual([expect.stringContaining(problem)])
})

test.each(["test('reads a line', f)\n", "test.each([1])('reads %s', f)\n", "describe('lines', f)\n"])(
  'accepts the title in %s',
  (text) => {
    expect(check(TEST, text)).toEqual([])
  },
)
