import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
const MOST_SERVER_FILES = 12

/** The paths in the text, relative to `packages`. */
function pathsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/`([a-z]+\/src[\w./-]*)`/g)].map(([, path = '']) => path))]
}

test('the page names only files and folders that exist', () => {
  const paths = pathsIn(page)
  expect(paths.length).toBeGreaterThan(30)
  expect(paths.filter((path) => !existsSync(join(root, 'packages', path)))).toEqual([])
})

test('a POST of a session passes through at most 12 files of http', () => {
  const [, server = ''] = /<!-- server files -->([\s\S]*?)<!-- \/server files -->/.exec(page) ?? []
  const [, response = ''] = /### Response: from the server to the client\n([\s\S]*?)\n\| 5\./.exec(
    page.slice(page.indexOf('## One message over HTTP')),
  ) ?? ['', '']
  const files = new Set(
    [...pathsIn(server), ...pathsIn(response)].filter((path) => path.startsWith('http/src/')),
  )
  expect(files.size).toBeGreaterThan(7)
  expect(files.size).toBeLessThanOrEqual(MOST_SERVER_FILES)
})
