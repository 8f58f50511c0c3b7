import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Problems, runAsCheck } from './run-as-check.js'
import { filesBelow, markdownFiles, publicPackages } from './workspace.js'

const MAX_README_LINES = 150
/** Folders of docs whose code is tested. */
const TESTED_DOCS = ['docs/guides', 'docs/reference']
/**
 * READMEs are short, show only code that runs and link only to files of the tarball. All docs link to files and
 * headings that exist.
 */
export function checkReadmes(root: string): Problems {
  const readmes = publicPackages(root).map(({ folder, manifest }) => ({
    path: `packages/${folder}/README.md`,
    files: manifest.files ?? [],
  }))
  return [
    ...readmes.flatMap(({ path, files }) =>
      existsSync(join(root, path))
        ? [
            ...tooLong(root, path),
            ...unmarkedCode(root, path),
            ...unpacked(root, path, files),
            ...unreferenced(root, path),
          ]
        : [`${path}: missing`],
    ),
    ...markdownFiles(root).flatMap((path) => links(root, path)),
    ...TESTED_DOCS.flatMap((folder) => filesBelow(root, folder, '.md')).flatMap((path) =>
      unmarkedCode(root, path),
    ),
  ]
}

function tooLong(root: string, path: string): string[] {
  const lines = readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length
  return lines > MAX_README_LINES ? [`${path}: ${lines} lines, more than ${MAX_README_LINES}`] : []
}

function unmarkedCode(root: string, path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  return [...text.matchAll(/^(.*)\n\n?```ts$/gm)]
    .filter(([, above = '']) => !above.startsWith('<!-- example: '))
    .map(({ index }) => `${path}:${lineAt(text, index) + 1}: TypeScript without an example marker above it`)
}

/** The README of a package that has a page of options links to that page. */
function unreferenced(root: string, path: string): string[] {
  const page = `docs/reference/${path.split('/')[1]}.md`
  if (!existsSync(join(root, page))) return []
  const isLinked = allLinks(root, path).some(({ target }) => target.replace(/#.*/, '').endsWith(`/${page}`))
  return isLinked ? [] : [`${path}: no link to ${page}`]
}

/** Links of a README to files that its tarball does not contain. */
function unpacked(root: string, path: string, files: readonly string[]): string[] {
  return localLinks(root, path)
    .filter(({ target }) => !target.startsWith('#') && !isPacked(target.replace(/#.*/, ''), files))
    .filter(({ target }) => existsSync(join(root, dirname(path), target.replace(/#.*/, ''))))
    .map(({ target, place }) => `${place}: link to ${target}, which is not in the tarball`)
}

/** Whether `files` of a package.json includes a path or its folder, and does not exclude it. */
function isPacked(path: string, files: readonly string[]): boolean {
  const matches = (pattern: string): boolean => {
    const [, bare = ''] = /^!?(?:\.\/)?(.*?)\/?$/.exec(pattern) ?? []
    const escaped = bare.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')
    return new RegExp(`^${escaped}(?:/|$)`).test(path)
  }
  const taken = files.filter(matches)
  return taken.length > 0 && !taken.some((pattern) => pattern.startsWith('!'))
}

interface Link {
  readonly target: string
  readonly place: string
}

function allLinks(root: string, path: string): Link[] {
  const text = prose(readFileSync(join(root, path), 'utf8'))
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(({ 1: target = '', index }) => ({
    target,
    place: `${path}:${lineAt(text, index)}`,
  }))
}

function localLinks(root: string, path: string): Link[] {
  return allLinks(root, path).filter(({ target }) => !/^[a-z]+:/i.test(target))
}

function links(root: string, path: string): string[] {
  const hostedAt = repositoryUrls(root).map((url) => `${url}/blob/main/`)
  return allLinks(root, path).flatMap(({ target, place }) => {
    const [file = '', anchor] = target.split('#')
    const hosted = hostedAt.find((base) => file.startsWith(base))
    if (hosted === undefined && /^[a-z]+:/i.test(target)) return []
    const local = hosted === undefined ? join(dirname(path), file) : file.slice(hosted.length)
    const absolute = join(root, file === '' ? path : local)
    if (!existsSync(absolute)) return [`${place}: link to ${target}, which does not exist`]
    if (anchor === undefined || !absolute.endsWith('.md')) return []
    return headingsOf(absolute).includes(anchor) ? [] : [`${place}: no heading #${anchor} in ${target}`]
  })
}

/** The URLs of the repository in the manifests, without `git+` and `.git`. */
function repositoryUrls(root: string): string[] {
  const urls = publicPackages(root).map(({ manifest }) => manifest.repository?.url)
  return [...new Set(urls)].flatMap((url) => url?.replace(/^git\+|\.git$/g, '') ?? [])
}

/** The anchors that code hosts derive from the headings of a Markdown file. */
function headingsOf(file: string): string[] {
  return [...prose(readFileSync(file, 'utf8')).matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}

/** The text with fenced code blanked out, line numbers kept. */
function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, (fence) => fence.replace(/[^\n]/g, ''))
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

await runAsCheck(import.meta.url, checkReadmes)
