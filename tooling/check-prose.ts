import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  commentsOf,
  identifiersOf,
  markdownText,
  messagesOf,
  sourceAt,
  type Text,
  type Title,
  titlesOf,
} from './prose/texts.js'
import { type TextKind, vocabulary } from './prose/vocabulary.js'
import { type Problems, runAsCheck } from './run-as-check.js'
import { filesBelow, markdownFiles } from './workspace.js'

const LEAST_WORDS = 3
/** Repeats the rules of MCP in its own words. */
const NOT_OURS = ['docs/requirements.md']

const WHERE: Readonly<Record<TextKind, string>> = {
  docs: 'in docs',
  comment: 'in a comment',
  message: 'in a message',
  title: 'in the title of a test',
  identifier: 'in a name',
}

/**
 * Docs, comments, messages, names and titles of tests use the words of the field. Titles of tests are sentences.
 * `tooling/prose/vocabulary.ts` has the words that are not used. Code spans may quote them.
 */
export function checkProse(root: string): Problems {
  const titles = titlesBelow(root)
  const texts = [...docsBelow(root), ...sourceTexts(root), ...titles]
  return [...texts.flatMap(bannedIn), ...titles.flatMap(fragment)]
}

function docsBelow(root: string): Text[] {
  return [...markdownFiles(root), ...changesets(root)]
    .filter((path) => !NOT_OURS.includes(path))
    .map((path) => markdownText(root, path))
}

function changesets(root: string): string[] {
  const folder = join(root, '.changeset')
  const files = existsSync(folder) ? readdirSync(folder).sort() : []
  return files.filter((file) => file.endsWith('.md')).map((file) => `.changeset/${file}`)
}

function sourceTexts(root: string): Text[] {
  const all = filesBelow(root, 'packages', '.ts')
  const published = all.filter((path) => /^packages\/[^/]+\/src\//.test(path))
  const others = [
    ...all.filter((path) => /^packages\/[^/]+\/(?:test|examples)\//.test(path)),
    ...filesBelow(root, 'tooling', '.ts'),
    ...filesBelow(root, 'benchmarks', '.ts'),
  ].filter((path) => !path.startsWith('tooling/prose/'))
  return [
    ...published
      .map((path) => sourceAt(root, path))
      .flatMap((source) => [...commentsOf(source), ...messagesOf(source), ...identifiersOf(source)]),
    ...others
      .map((path) => sourceAt(root, path))
      .flatMap((source) => [...commentsOf(source), ...identifiersOf(source)]),
  ]
}

function titlesBelow(root: string): Title[] {
  return ['packages', 'benchmarks', 'tooling']
    .flatMap((folder) => filesBelow(root, folder, '.ts'))
    .filter((path) => path.endsWith('.test.ts') || /^packages\/compliance\/src\//.test(path))
    .flatMap((path) => titlesOf(sourceAt(root, path)))
}

function bannedIn({ kind, path, line, text }: Text): string[] {
  return vocabulary
    .filter(({ kinds }) => kinds === undefined || kinds.includes(kind))
    .flatMap(({ pattern, instead }) =>
      [...text.matchAll(pattern)].map(({ 0: found, index }) => {
        const place = `${path}:${line + text.slice(0, index).split('\n').length - 1}`
        const quoted = found.replace(/\s+/g, ' ').trim().slice(0, 40)
        return `${place}: '${quoted}' ${WHERE[kind]}; write: ${instead}`
      }),
    )
}

/** What keeps a title of a test from being a sentence. A placeholder may stand for a phrase of two words. */
function fragment({ isGroup, path, line, text }: Title): string[] {
  const title = text.replace(/\$\{[^}]*\}|%[a-z#%]|\$[\w.]+/gi, 'a b').trim()
  const place = `${path}:${line}`
  if (/^(?:and|also)\b/i.test(title)) return [`${place}: the title '${text.trim()}' continues another one`]
  const words = title.split(/\s+/).filter((word) => /\w/.test(word))
  if (isGroup || words.length >= LEAST_WORDS) return []
  return [`${place}: the title '${text.trim()}' is no sentence of at least ${LEAST_WORDS} words`]
}

await runAsCheck(import.meta.url, checkProse)
