import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Bundles each TypeScript program in a folder into a `.mjs` file in another one, from the sources of our packages. A
 * bundled program starts in 50 ms, not in 500.
 *
 * @param external packages that are not bundled, such as CommonJS that calls `require` for modules of Node
 */
export async function buildPrograms(
  sources: URL,
  output: string,
  external: readonly string[] = [],
): Promise<void> {
  const folder = fileURLToPath(sources)
  await build({
    entryPoints: readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
    outdir: output,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mcpwire/source'],
    external: [...external],
    logLevel: 'error',
  })
}
