import ts from 'typescript'
import { docTagOf, docTextOf, nodesOf, oneLine, readPublicApi } from './syntax.js'

/** A table of the members of every `…Options` interface in the packages, keyed `options: <name>`. */
export function optionTables(root: string): Map<string, string> {
  const { program, checker } = readPublicApi(root)
  const tables = new Map<string, string>()
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile) continue
    for (const node of nodesOf(source)) {
      if (!ts.isInterfaceDeclaration(node) || !node.name.text.endsWith('Options')) continue
      tables.set(`options: ${node.name.text}`, tableOf(checker, node))
    }
  }
  return tables
}

function tableOf(checker: ts.TypeChecker, node: ts.InterfaceDeclaration): string {
  const rows = checker
    .getTypeAtLocation(node)
    .getProperties()
    .flatMap((option) => rowOf(checker, option))
  return ['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function rowOf(checker: ts.TypeChecker, option: ts.Symbol): string[] {
  const declaration = option.declarations?.[0]
  if (declaration === undefined) return []
  const required = (option.flags & ts.SymbolFlags.Optional) === 0
  const fallback = docTagOf(declaration, 'defaultValue')?.replace(/^`(.*)`$/, '$1')
  const absent = required ? 'required' : '–'
  const value = fallback === undefined || fallback === 'undefined' ? absent : `\`${cell(fallback)}\``
  return [
    `| \`${option.name}\` | \`${cell(typeTextOf(checker, declaration))}\` | ${value} | ${cell(docTextOf(declaration))} |`,
  ]
}

/**
 * The type as written, without the `| undefined` that every optional member carries, and with the values of a type
 * that is nothing but a choice of texts in place of its name.
 */
function typeTextOf(checker: ts.TypeChecker, declaration: ts.Declaration): string {
  if (ts.isMethodSignature(declaration)) return 'function'
  if (!ts.isPropertySignature(declaration) || declaration.type === undefined) return 'unknown'
  const { type } = declaration
  const members = ts.isUnionTypeNode(type) ? type.types : [type]
  return members
    .map((member) => choiceOf(checker, member) ?? oneLine(member.getText()))
    .join(' | ')
    .replace(/ \| undefined$/, '')
    .replace(/^\((.*)\)$/, '$1')
}

/** `'a' | 'b'` for the name of a type that is just that. */
function choiceOf(checker: ts.TypeChecker, node: ts.TypeNode): string | undefined {
  if (!ts.isTypeReferenceNode(node)) return undefined
  const type = checker.getTypeAtLocation(node)
  if (!type.isUnion() || !type.types.every((each) => each.isStringLiteral())) return undefined
  return type.types.map((each) => `'${each.value}'`).join(' | ')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
