import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Problems, runAsCheck } from './run-as-check.js'
import { markdownFiles, publicPackages } from './workspace.js'

const MAX_README_LINES = 150
const BANNED = [
  'battle-tested',
  'best-in-class',
  'blazing',
  'blazingly',
  'bulletproof',
  'cutting-edge',
  'effortless',
  'effortlessly',
  'enterprise',
  'enterprise-grade',
  'game-changing',
  'lightning-fast',
  'military-grade',
  'next-generation',
  'powerful',
  'production-ready',
  'revolutionary',
  'rock-solid',
  'seamless',
  'seamlessly',
  'state-of-the-art',
  'unparalleled',
  'world-class',
]

/** READMEs are short, show only code that is run, and like all docs link to what exists and claim nothing by adjective. */
export function checkReadmes(root: string): Problems {
  const readmes = publicPackages(root).map(({ folder }) => `packages/${folder}/README.md`)
  return [
    ...readmes.flatMap((path) => (existsSync(join(root, path)) ? shape(root, path) : [`${path}: missing`])),
    ...markdownFiles(root).flatMap((path) => [...adjectives(root, path), ...links(root, path)]),
  ]
}

function shape(root: string, path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  const lines = text.trimEnd().split('\n').length
  const tooLong = lines > MAX_README_LINES ? [`${path}: ${lines} lines, more than ${MAX_README_LINES}`] : []
  const fences = [...text.matchAll(/^(.*)\n\n?```ts$/gm)]
    .filter(([, above = '']) => !above.startsWith('<!-- example: '))
    .map(({ index }) => `${path}:${lineAt(text, index) + 1}: TypeScript without an example marker above it`)
  return [...tooLong, ...fences]
}

function adjectives(root: string, path: string): string[] {
  const text = prose(readFileSync(join(root, path), 'utf8'))
  return [...text.matchAll(/[a-z]+(?:-[a-z]+)*/gi)]
    .filter(([word]) => BANNED.includes(word.toLowerCase()))
    .map(({ 0: word, index }) => `${path}:${lineAt(text, index)}: '${word}' claims without a fact`)
}

function links(root: string, path: string): string[] {
  const text = prose(readFileSync(join(root, path), 'utf8'))
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(({ 1: target = '', index }) => {
    if (/^[a-z]+:/i.test(target)) return []
    const [file = '', anchor] = target.split('#')
    const absolute = file === '' ? join(root, path) : join(root, dirname(path), file)
    const place = `${path}:${lineAt(text, index)}`
    if (!existsSync(absolute)) return [`${place}: link to ${target}, which does not exist`]
    if (anchor === undefined || !absolute.endsWith('.md')) return []
    return headingsOf(absolute).includes(anchor) ? [] : [`${place}: no heading #${anchor} in ${target}`]
  })
}

/** The anchors of a markdown file, as code hosts derive them from its headings. */
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
