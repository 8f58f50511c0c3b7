import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type BuildResult, build, type Plugin } from 'esbuild'

const own = fileURLToPath(new URL('.', import.meta.url))
const OURS = /^@mcpwire\//
const CHUNK = /^bin-.*\.m?js$/

/** Keeps third-party packages out of the bundle: they stay installed with their licences, or are optional peers. */
const externalPackages: Plugin = {
  name: 'external packages',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./#]/ }, ({ path, kind }) => {
      return kind === 'entry-point' || OURS.test(path) ? undefined : { external: true }
    })
  },
}

/**
 * Bundles the program and its workspace packages into a few files: finding and reading a hundred modules would take
 * most of the start. Bundles sources, and fails for a package that this one does not depend on.
 *
 * Writes all files into one folder, which must be next to the `package.json` with the version.
 */
export async function bundle(
  outdir: string,
  entryPoints: readonly string[],
  extension: string,
): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: own,
    entryPoints: [...entryPoints],
    outdir,
    entryNames: '[name]',
    chunkNames: 'bin-[name]-[hash]',
    outExtension: { '.js': extension },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mcpwire/source'],
    plugins: [externalPackages],
    metafile: true,
    logLevel: 'error',
  })
  const known = declared()
  const undeclared = externalsOf(metafile).filter((name) => !known.has(name))
  if (undeclared.length > 0)
    throw new Error(`mcpwire/package.json does not depend on ${undeclared.join(', ')}`)
  const written = new Set(Object.keys(metafile.outputs).map((path) => join(own, path)))
  for (const name of readdirSync(outdir)) {
    // A chunk of an earlier build.
    if (CHUNK.test(name) && !written.has(join(outdir, name))) rmSync(join(outdir, name))
  }
}

function externalsOf(metafile: NonNullable<BuildResult['metafile']>): string[] {
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
  const names = imports
    .filter(({ external, path }) => external && !isBuiltin(path))
    .map(({ path }) =>
      path
        .split('/')
        .slice(0, path.startsWith('@') ? 2 : 1)
        .join('/'),
    )
  return [...new Set(names)]
}

function declared(): Set<string> {
  const manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as Record<string, object>
  return new Set([
    ...Object.keys(manifest['dependencies'] ?? {}),
    ...Object.keys(manifest['peerDependencies'] ?? {}),
  ])
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const dist = join(own, 'dist')
  await bundle(dist, ['src/bin.ts'], '.js')
  // The source map of the file that the bundle replaces.
  rmSync(join(dist, 'bin.js.map'), { force: true })
}
