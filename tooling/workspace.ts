import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'

/** The part of a package.json that the tooling reads. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly repository?: { readonly url: string }
  readonly files?: readonly string[]
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** One published package of the workspace. */
export interface WorkspacePackage {
  /** Folder name below `packages/`. */
  readonly folder: string
  /** Absolute path of that folder. */
  readonly path: string
  readonly manifest: Manifest
}

/** The condition under which `exports` names TypeScript sources. */
export const SOURCE_CONDITION = '@mcpwire/source'

/** The published packages below `packages/`, in alphabetical order. */
export function publicPackages(root: string): WorkspacePackage[] {
  const parent = join(root, 'packages')
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .sort()
    .map((folder) => ({ folder, path: join(parent, folder) }))
    .filter(({ path }) => existsSync(join(path, 'package.json')))
    .map(({ folder, path }) => ({ folder, path, manifest: readManifest(path) }))
    .filter(({ manifest }) => manifest.private !== true)
}

/** The package.json of a folder. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** The entry points of a package: export path (`.`, `./node`) and absolute path of its source file. */
export function sourceEntries({ path, manifest }: WorkspacePackage): { subpath: string; file: string }[] {
  return Object.entries(manifest.exports ?? {}).flatMap(([subpath, target]) => {
    const source = typeof target === 'string' ? undefined : target[SOURCE_CONDITION]
    return source === undefined ? [] : [{ subpath, file: join(path, source) }]
  })
}

/** Files below `root/folder` that end in `extension`, relative to `root`, with forward slashes, sorted. */
export function filesBelow(root: string, folder: string, extension: string): string[] {
  const top = join(root, folder)
  if (!existsSync(top)) return []
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .split(sep)
        .join('/'),
    )
    .filter((path) => !/(^|\/)(node_modules|dist|\.[a-z]+)\//.test(path))
    .sort()
}

/** The markdown files people read: at the root, in `docs/`, and each package's README. */
export function markdownFiles(root: string): string[] {
  const top = readdirSync(root).filter((name) => name.endsWith('.md'))
  const readmes = publicPackages(root).map(({ folder }) => `packages/${folder}/README.md`)
  return [...top, ...filesBelow(root, 'docs', '.md'), ...readmes]
    .filter((path) => existsSync(join(root, path)))
    .sort()
}
