import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8')

/** The sources of every package. */
function sources(): string {
  const packages = join(root, 'packages')
  return readdirSync(packages)
    .map((name) => join(packages, name, 'src'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
    )
    .join('\n')
}

function unique(values: Iterable<string>): string[] {
  return [...new Set(values)].sort()
}

test('the page has one entry for each error code', () => {
  const errors = readFileSync(join(root, 'packages/core/src/contract/errors.ts'), 'utf8')
  const table = /interface TransportErrorDetails \{([\s\S]*?)\n\}/.exec(errors)?.[1] ?? ''
  const codes = [...table.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, code = '']) => code)
  const entries = [...page.matchAll(/^### `([A-Z_]+)`$/gm)].map(([, code = '']) => code)
  expect(codes.length).toBeGreaterThan(15)
  expect(entries).toEqual(unique(codes))
})

test('the page has one row for each JSON-RPC error code of ours', () => {
  const codes = [...sources().matchAll(/[-−](31_?0\d\d)\b/g)].map(([, code = '']) => code.replace('_', ''))
  const rows = [...page.matchAll(/^\| −(31\d{3}) \|/gm)].map(([, code = '']) => code)
  expect(codes.length).toBeGreaterThan(5)
  expect(rows).toEqual(unique(codes))
})

test('the page names only options and slots that exist', () => {
  const code = sources()
  const names = [...page.matchAll(/`([a-z]\w*(?:Ms|Bytes|PerAddress|InFlight|Connections|Sockets|Store))`/g)]
  for (const name of unique(names.map(([, each = '']) => each))) expect(code).toContain(`${name}?:`)
})
