import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

/** The paths in the text, relative to `packages`. */
function pathsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/`([a-z]+\/src[\w./-]*)`/g)].map(([, path = '']) => path))]
}

test('the page names only files and folders that exist', () => {
  const paths = pathsIn(page)
  expect(paths.length).toBeGreaterThan(30)
  expect(paths.filter((path) => !existsSync(join(root, 'packages', path)))).toEqual([])
})

test('the page traces a POST through the files that the test of http measures', () => {
  const measured = readFileSync(join(root, 'packages/http/test/request-path.test.ts'), 'utf8')
  const files = [...measured.matchAll(/^ {2}'([\w/-]+\.ts)',$/gm)].map(([, file]) => `http/src/${file}`)
  const start = page.indexOf('On the server, the POST')
  const steps = page.slice(start, page.indexOf('### Response', start))
  expect(
    pathsIn(steps)
      .filter((path) => path.endsWith('.ts'))
      .sort(),
  ).toEqual(files.sort())
})
