import { expect, test } from 'vitest'
import { checkGenerated, generatedDocs } from '../generate.js'
import { fixture, manifest } from './fixture.js'

const errors = `
export interface TransportErrorDetails {
  /** Used after its end. @retry no */
  CLOSED: undefined
  /**
   * May or may not
   * have left.
   * @retry if \`none\`
   */
  SEND_FAILED: { readonly delivery: 'none' | 'unknown'; readonly note?: string }
}
`

test('writes the page of error codes', () => {
  const docs = generatedDocs(fixture({ 'packages/core/src/contract/errors.ts': errors }))
  expect(docs.get('docs/errors.md')).toContain(
    "| `SEND_FAILED` | `delivery: 'none' \\| 'unknown'`, `note?: string` | if `none` | May or may not have left. |",
  )
  expect(docs.get('docs/errors.md')).toContain('| `CLOSED` | – | no | Used after its end. |')
})

test.each([
  ['doc comment', 'export interface TransportErrorDetails { CLOSED: undefined }'],
  ['@retry tag', 'export interface TransportErrorDetails {\n/** Documented. */\nCLOSED: undefined }'],
])('throws for an error code without %s', (missing, source) => {
  expect(() => generatedDocs(fixture({ 'packages/core/src/contract/errors.ts': source }))).toThrow(missing)
})

test('finds a generated page that is missing', () => {
  expect(checkGenerated(fixture({ 'packages/core/src/contract/errors.ts': errors }))).toEqual([
    'docs/errors.md: out of date; run npm run generate',
  ])
})

test('fills option tables, examples and clauses, and reports nothing afterwards', () => {
  const files = {
    ...manifest('core'),
    'packages/core/src/index.ts': `
import type { Format } from './format.js'
type Level = 'all' | 'none'
type Many = string | number
export interface WireOptions {
  /** How much. */
  level?: Level | Level[] | undefined
  /** Which. */
  format: Format | false | Many
  /** Where to. */
  host: string
  /**
   * How long.
   * @defaultValue 1_000
   */
  limitMs?: number | undefined
}
`,
    'packages/core/src/format.ts': "export type Format =\n  | 'json'\n  | 'sse'\n",
    'packages/core/examples/first.ts':
      'const before = 0\n{\n  //#region use\n  use(before)\n\n    .deeply()\n  //#endregion use\n}\n',
    'docs/examples/site.conf': 'events {}\n#region site\nserver {}\n#endregion\n',
    'packages/compliance/src/clauses.ts': "export const clauses = { C1: 'One life.' } as const\n",
    'docs/contract.md': '<!-- clauses -->\n<!-- /clauses -->\n',
    'docs/reference/core.md': '<!-- options: WireOptions -->\nold\n<!-- /options -->\n',
    'packages/core/README.md':
      '<!-- options: WireOptions -->\nold\n<!-- /options -->\n\n<!-- example: packages/core/examples/first.ts#use -->\n```ts\nold\n```\n' +
      '\n<!-- example: docs/examples/site.conf#site -->\n```nginx\nold\n```\n',
  }
  const docs = generatedDocs(fixture(files))
  expect(docs.get('docs/contract.md')).toContain('| C1 | One life. |')
  const readme = docs.get('packages/core/README.md')
  expect(docs.get('docs/reference/core.md')).toContain('| `host` | `string` | required | Where to. |')
  expect(readme).toContain('| `host` | `string` | required | Where to. |')
  expect(readme).toContain("| `level` | `'all' \\| 'none' \\| Level[]` | – | How much. |")
  expect(readme).toContain("| `format` | `'json' \\| 'sse' \\| false \\| Many` | required | Which. |")
  expect(readme).toContain('| `limitMs` | `number` | `1_000` | How long. |')
  expect(readme).toContain('```nginx\nserver {}\n```')
  expect(readme).toContain('```ts\nuse(before)\n\n  .deeply()\n```')
  expect(checkGenerated(fixture({ ...files, ...Object.fromEntries(docs) }))).toEqual([])
})

test.each([
  ['no example', '<!-- example: gone.ts#use -->\n```ts\n```\n'],
  ['no region', '<!-- example: README.md#use -->\n```ts\n```\n'],
  ['nothing to put', '<!-- options: GoneOptions -->\n<!-- /options -->\n'],
])('throws for a marker with %s', (message, readme) => {
  expect(() => generatedDocs(fixture({ 'README.md': readme }))).toThrow(message)
})
