import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { PROGRAMS } from './programs.js'

const sources = fileURLToPath(new URL('../programs', import.meta.url))

/** Bundles the programs that tests run as child processes: a bundle starts in 50 ms instead of 500. */
export async function setup(): Promise<void> {
  await build({
    entryPoints: readdirSync(sources)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(sources, name)),
    outdir: PROGRAMS,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mcpwire/source'],
    logLevel: 'error',
  })
}
