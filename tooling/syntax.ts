import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { publicPackages, SOURCE_CONDITION, sourceEntries } from './workspace.js'

/** The syntax tree of one file, with parent links. */
export function parseFile(root: string, path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true)
}

/** Every node of a tree, parents first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  node.forEachChild((child) => {
    children.push(child)
  })
  for (const child of children) yield* nodesOf(child)
}

/** `path:line` of a node. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile()
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
}

/** The object literal below `as const`, `satisfies …` and parentheses. */
export function objectLiteralOf(node: ts.Expression | undefined): ts.ObjectLiteralExpression | undefined {
  if (node === undefined) return undefined
  if (ts.isObjectLiteralExpression(node)) return node
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)) {
    return objectLiteralOf(node.expression)
  }
  return undefined
}

/** The literal a property is named by; undefined for spreads and computed names. */
export function propertyNameOf(node: ts.ObjectLiteralElementLike | ts.TypeElement): string | undefined {
  const { name } = node
  if (name === undefined || ts.isComputedPropertyName(name)) return undefined
  return name.text
}

/** The text of a doc comment without its tags, on one line. */
export function docTextOf(node: ts.Node): string {
  const doc = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1)
  return oneLine(ts.getTextOfJSDocComment(doc?.comment) ?? '')
}

/** The text of one doc tag, on one line; undefined when the tag is absent. */
export function docTagOf(node: ts.Node, tag: string): string | undefined {
  const found = ts.getJSDocTags(node).find(({ tagName }) => tagName.text === tag)
  return found && oneLine(ts.getTextOfJSDocComment(found.comment) ?? '')
}

/** Text with every run of white space reduced to one space. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** One exported name of a package, followed to where it is declared. */
export interface PublicName {
  readonly specifier: string
  readonly name: string
  readonly symbol: ts.Symbol
}

/** A program over the sources of every published package. */
export interface PublicApi {
  readonly program: ts.Program
  readonly checker: ts.TypeChecker
  readonly names: readonly PublicName[]
}

/** Reads what the packages below `root` export, from their sources. Type errors are another check's concern. */
export function readPublicApi(root: string): PublicApi {
  const entries = publicPackages(root).flatMap((workspacePackage) =>
    sourceEntries(workspacePackage).map(({ subpath, file }) => ({
      specifier: workspacePackage.manifest.name + subpath.slice(1),
      file,
    })),
  )
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    {
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      customConditions: [SOURCE_CONDITION],
      strict: true,
      types: [],
    },
  )
  const checker = program.getTypeChecker()
  const names = entries.flatMap(({ specifier, file }) => {
    const source = program.getSourceFile(file)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) return []
    return checker.getExportsOfModule(module).map((exported) => ({
      specifier,
      name: exported.name,
      symbol: exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported,
    }))
  })
  return { program, checker, names }
}
