import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A temporary tree with the given files, removed when the test ends. */
export function fixture(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'mcpwire-tooling-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** The package.json of a package called `@mcpwire/<folder>` with sources at `.`. */
export function manifest(folder: string, more: object = {}): Record<string, string> {
  const exports = { '.': { '@mcpwire/source': './src/index.ts' } }
  const text = JSON.stringify({
    name: `@mcpwire/${folder}`,
    version: '0.1.0',
    type: 'module',
    exports,
    ...more,
  })
  return { [`packages/${folder}/package.json`]: text }
}

/** Links `@mcpwire/<to>` into `packages/<from>`, as an install does. */
export function link(root: string, from: string, to: string): void {
  const scope = join(root, 'packages', from, 'node_modules/@mcpwire')
  mkdirSync(scope, { recursive: true })
  symlinkSync(join(root, 'packages', to), join(scope, to), 'dir')
}
