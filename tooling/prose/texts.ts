import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { nodesOf, parseFile } from '../syntax.js'
import type { TextKind } from './vocabulary.js'

/** One text that people read, and its place. */
export interface Text {
  readonly kind: TextKind
  readonly path: string
  /** The line that it begins on. */
  readonly line: number
  /** Code is blanked out, white space and line breaks are kept. */
  readonly text: string
}

/** A title of a test, or of a group of tests. */
export interface Title extends Text {
  readonly isGroup: boolean
}

/** The text of a Markdown file: no code, no addresses of links, no HTML comments. */
export function markdownText(root: string, path: string): Text {
  const text = readFileSync(join(root, path), 'utf8')
  const prose = withoutCode(text)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/\]\([^)\s]+\)/g, blank)
  return { kind: 'docs', path, line: 1, text: prose }
}

/** The comments of a source file. Their code, quotes and tags with a value are blanked out. */
export function commentsOf(source: ts.SourceFile): Text[] {
  const ranges = new Map<number, ts.CommentRange>()
  const visit = (node: ts.Node): void => {
    const found = [
      ...(ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source.text, node.getEnd()) ?? []),
    ]
    for (const range of found) ranges.set(range.pos, range)
    for (const child of node.getChildren(source)) if (!ts.isJSDoc(child)) visit(child)
  }
  visit(source)
  return joined(
    [...ranges.values()].sort((a, b) => a.pos - b.pos),
    source,
  ).map(({ pos, end }) => {
    const text = source.text
      .slice(pos, end)
      .replace(/^[ \t]*(?:\/\*\*?|\*\/|\*(?= |$)|\/\/)/gm, blank)
      .replace(/\*\/$/, blank)
      .replace(/@(?:defaultValue|throws|param|returns?|see|link)\b(?: TransportError)?/g, blank)
    return textAt('comment', source, pos, withoutCode(text))
  })
}

/** Line comments that follow each other are one text. */
function joined(ranges: readonly ts.CommentRange[], { text }: ts.SourceFile): { pos: number; end: number }[] {
  const result: { pos: number; end: number }[] = []
  let isOpen = false
  for (const { pos, end, kind } of ranges) {
    const last = result.at(-1)
    const isLine = kind === ts.SyntaxKind.SingleLineCommentTrivia
    if (last && isOpen && isLine && /^\n[ \t]*$/.test(text.slice(last.end, pos))) last.end = end
    else result.push({ pos, end })
    isOpen = isLine
  }
  return result
}

/** The texts in the code of a source file that people read: errors, hints, help. Texts without a space are values. */
export function messagesOf(source: ts.SourceFile): Text[] {
  return [...nodesOf(source)].flatMap((node) => {
    if (!isTextNode(node) || isTitle(node) || !/[a-z,:;] \S|^ [a-z]/i.test(node.text)) return []
    return [textAt('message', source, node.getStart(source), withoutCode(inner(node.getText(source))))]
  })
}

/** Without the quotes, which a code span would take for its own. */
function inner(literal: string): string {
  return literal.replace(/^[`'"}]|(?:[`'"]|\$\{)$/g, blank)
}

function isTextNode(node: ts.Node): node is ts.LiteralLikeNode {
  return (
    (ts.isStringLiteralLike(node) && !ts.isLiteralTypeNode(node.parent)) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddle(node) ||
    ts.isTemplateTail(node)
  )
}

function isTitle(node: ts.Node): boolean {
  const argument = ts.isTemplateSpan(node.parent) ? node.parent.parent : node
  const holder = ts.isTemplateExpression(argument.parent) ? argument.parent : argument
  return ts.isCallExpression(holder.parent) && titleOf(holder.parent) === holder
}

const DECLARES_TITLE = /^(?:test|it|describe|clause)(?:\.|$)/

/** The titles of the tests of a file and of their groups, with the ids of rules blanked out. */
export function titlesOf(source: ts.SourceFile): Title[] {
  return [...nodesOf(source)].filter(ts.isCallExpression).flatMap((call) => {
    const title = titleOf(call)
    if (title === undefined) return []
    const text = title
      .getText(source)
      .slice(1, -1)
      .replace(/\s*\[[A-Z][A-Z0-9, -]+\]/g, blank)
    const start = title.getStart(source) + 1
    return [
      { ...textAt('title', source, start, withoutCode(text)), isGroup: nameOf(call).startsWith('describe') },
    ]
  })
}

function titleOf(call: ts.CallExpression): ts.StringLiteralLike | ts.TemplateExpression | undefined {
  const name = nameOf(call)
  if (!DECLARES_TITLE.test(name)) return undefined
  const title = call.arguments[name.startsWith('clause') ? 1 : 0]
  const isText = title !== undefined && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title))
  return isText ? title : undefined
}

/** The name of what is called; of `test.each(rows)(title)` and of tagged templates too, without the rows. */
export function nameOf({ expression }: ts.CallExpression): string {
  let callee: ts.Expression = expression
  while (ts.isCallExpression(callee)) callee = callee.expression
  if (ts.isTaggedTemplateExpression(callee)) callee = callee.tag
  return ts.isIdentifier(callee) || ts.isPropertyAccessExpression(callee) ? callee.getText() : ''
}

/** The names that a source file declares, and its own, as words. */
export function identifiersOf(source: ts.SourceFile): Text[] {
  const own: Text = { kind: 'identifier', path: source.fileName, line: 1, text: wordsIn(source.fileName) }
  const declared = [...nodesOf(source)].flatMap((node) => {
    const name = (node as ts.NamedDeclaration).name
    const isDeclared = name !== undefined && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name))
    return isDeclared && !ts.isPropertyAccessExpression(node) && !ts.isImportSpecifier(node)
      ? [textAt('identifier', source, name.getStart(source), wordsIn(name.text))]
      : []
  })
  return [own, ...declared]
}

function wordsIn(name: string): string {
  return name
    .replace(/.*\//, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[^A-Za-z0-9]+/g, ' ')
    .toLowerCase()
}

/** A source file below `root`. */
export function sourceAt(root: string, path: string): ts.SourceFile {
  return parseFile(root, path)
}

function textAt(kind: TextKind, source: ts.SourceFile, position: number, text: string): Text {
  const { line } = source.getLineAndCharacterOfPosition(position)
  return { kind, path: source.fileName, line: line + 1, text }
}

/** Fences, code spans and addresses become spaces. */
function withoutCode(text: string): string {
  return text
    .replace(/^[ \t]*```[\s\S]*?^[ \t]*```/gm, blank)
    .replace(/`[^`\n]+`/g, blank)
    .replace(/\b[a-z]+:\/\/\S+/g, blank)
    .replace(/\{@\w+[^}]*\}/g, blank)
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}
