import ts from 'typescript'
import { docTagOf, docTextOf, oneLine, parseFile, placeOf, propertyNameOf } from './syntax.js'

const INTERFACE = 'TransportErrorDetails'

/** `docs/errors.md`: one row for each member of `TransportErrorDetails`, from its doc comment and `@retry` tag. */
export function errorsPage(root: string, sourcePath: string): string {
  const source = parseFile(root, sourcePath)
  const details = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === INTERFACE)
  if (details === undefined) throw new Error(`${sourcePath}: no interface ${INTERFACE}`)
  const rows = details.members.filter(ts.isPropertySignature).map(rowOf)
  return [
    '# Error codes',
    '',
    `<!-- Written by npm run generate from ${sourcePath}. -->`,
    '',
    'Every error that these packages create is a `TransportError`. Branch on `code`: the text of `message` may change',
    "in any release. `isTransportError(error)` narrows a value to this type. `isTransportError(error, 'REFUSED')` also",
    'narrows `details` to those of one code, which a comparison of `code` does not.',
    '',
    '| code | details | retry | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

function rowOf(member: ts.PropertySignature): string {
  const code = propertyNameOf(member)
  const meaning = docTextOf(member)
  const retry = docTagOf(member, 'retry')
  if (meaning === '') throw new Error(`${placeOf(member)}: ${code} has no doc comment`)
  if (!retry) throw new Error(`${placeOf(member)}: ${code} has no @retry tag`)
  return `| \`${code}\` | ${detailsOf(member.type)} | ${cell(retry)} | ${cell(meaning)} |`
}

function detailsOf(type: ts.TypeNode | undefined): string {
  if (type === undefined || type.kind === ts.SyntaxKind.UndefinedKeyword) return '–'
  if (!ts.isTypeLiteralNode(type)) return `\`${cell(oneLine(type.getText()))}\``
  return type.members
    .filter(ts.isPropertySignature)
    .map((member) => {
      const optional = member.questionToken ? '?' : ''
      return `\`${propertyNameOf(member)}${optional}: ${cell(oneLine(member.type?.getText() ?? 'unknown'))}\``
    })
    .join(', ')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
