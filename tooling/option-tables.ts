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
  const rows = checker.getTypeAtLocation(node).getProperties().flatMap(rowOf)
  return ['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function rowOf(option: ts.Symbol): string[] {
  const declaration = option.declarations?.[0]
  if (declaration === undefined) return []
  const required = (option.flags & ts.SymbolFlags.Optional) === 0
  const fallback = docTagOf(declaration, 'defaultValue')?.replace(/^`(.*)`$/, '$1')
  const absent = required ? 'required' : '–'
  const value = fallback === undefined || fallback === 'undefined' ? absent : `\`${cell(fallback)}\``
  return [
    `| \`${option.name}\` | \`${cell(typeTextOf(declaration))}\` | ${value} | ${cell(docTextOf(declaration))} |`,
  ]
}

/** The type as written, without the `| undefined` that every optional member carries. */
function typeTextOf(declaration: ts.Declaration): string {
  if (ts.isMethodSignature(declaration)) return 'function'
  if (!ts.isPropertySignature(declaration) || declaration.type === undefined) return 'unknown'
  return oneLine(declaration.type.getText())
    .replace(/^\| /, '')
    .replace(/ \| undefined$/, '')
    .replace(/^\((.*)\)$/, '$1')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
