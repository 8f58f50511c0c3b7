import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { PROGRAMS } from './programs.js'

const own = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Makes plain JavaScript of the program, and of those of `test/programs` that are written in TypeScript: one starts in
 * a tenth of the time then that its sources take. Bundled from sources, so that no test runs an older build.
 */
export async function setup(): Promise<void> {
  await build({
    entryPoints: [join(own, 'src/bin.ts'), join(own, 'test/programs/planted-demo.ts')],
    entryNames: '[name]',
    outdir: PROGRAMS,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mcpwire/source'],
    external: ['@modelcontextprotocol/*', 'commander', 'cli-table3'],
    // For CommonJS that calls `require` for what Node has.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  })
  // Where the program looks up its version.
  mkdirSync(dirname(PROGRAMS), { recursive: true })
  copyFileSync(join(own, 'package.json'), join(dirname(PROGRAMS), 'package.json'))
}
