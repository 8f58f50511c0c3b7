import ts from 'typescript'
import { type Problems, runAsCheck } from './run-as-check.js'
import { docTagOf, nodesOf, objectLiteralOf, propertyNameOf, readPublicApi } from './syntax.js'

const DEFAULTS_SUFFIX = 'Defaults'

/** Each `xxxDefaults` constant says what the `@defaultValue` tags of `XxxOptions` say, and the other way round. */
export function checkDefaults(root: string): Problems {
  const { program, checker, names } = readPublicApi(root)
  const interfaces = new Map<string, ts.Symbol>()
  const defaults = new Map<string, ts.VariableDeclaration>()
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile) continue
    for (const node of nodesOf(source)) {
      if (ts.isInterfaceDeclaration(node)) {
        const symbol = checker.getSymbolAtLocation(node.name)
        if (symbol) interfaces.set(node.name.text, symbol)
      }
      if (
        ts.isVariableDeclaration(node) &&
        ts.isIdentifier(node.name) &&
        node.name.text.endsWith(DEFAULTS_SUFFIX) &&
        ts.isSourceFile(node.parent.parent.parent)
      ) {
        defaults.set(node.name.text, node)
      }
    }
  }

  const compared = [...defaults].flatMap(([constant, declaration]) => {
    const optionsName = optionsNameOf(constant)
    const options = interfaces.get(optionsName)
    if (options === undefined) return [`${constant}: no interface ${optionsName}`]
    return compare({ checker, constant, declaration, optionsName, options })
  })
  const undefaulted = names
    .filter(({ name, symbol }) => name.endsWith('Options') && interfaces.get(name) === symbol)
    .filter(({ name }) => !defaults.has(defaultsNameOf(name)))
    .flatMap(({ name, symbol }) => taggedMembers(checker, symbol).map((member) => ({ name, member })))
    .filter(({ member }) => !defaults.has(defaultsNameOf(ownerOf(member))))
    .map(
      ({ name, member }) =>
        `${name}.${member.name}: has @defaultValue, but there is no ${defaultsNameOf(name)}`,
    )
  return [...compared, ...new Set(undefaulted)]
}

interface Comparison {
  readonly checker: ts.TypeChecker
  readonly constant: string
  readonly declaration: ts.VariableDeclaration
  readonly optionsName: string
  readonly options: ts.Symbol
}

function compare({ checker, constant, declaration, optionsName, options }: Comparison): string[] {
  const members = new Map(membersOf(checker, options).map((member) => [member.name, member]))
  const given = checker.getTypeAtLocation(declaration).getProperties()
  const wrong = given.flatMap((property) => {
    const member = members.get(property.name)
    if (member === undefined) return [`${constant}.${property.name}: ${optionsName} has no such option`]
    const documented = defaultTagOf(member)
    const actual = defaultOf(checker, property, declaration)
    if (documented === undefined)
      return [`${optionsName}.${property.name}: no @defaultValue; it is ${actual}`]
    if (canonical(documented) === canonical(actual)) return []
    return [`${optionsName}.${property.name}: @defaultValue ${documented}, but ${constant} has ${actual}`]
  })
  const names = new Set(given.map(({ name }) => name))
  const missing = taggedMembers(checker, options)
    .filter(({ name }) => !names.has(name))
    .map(({ name }) => `${optionsName}.${name}: has @defaultValue, but is not in ${constant}`)
  return [...wrong, ...missing]
}

function membersOf(checker: ts.TypeChecker, options: ts.Symbol): ts.Symbol[] {
  return checker.getDeclaredTypeOfSymbol(options).getProperties()
}

function taggedMembers(checker: ts.TypeChecker, options: ts.Symbol): ts.Symbol[] {
  return membersOf(checker, options).filter((member) => defaultTagOf(member) !== undefined)
}

/** The interface that declares a member; an interface that only inherits one need not repeat its default. */
function ownerOf(member: ts.Symbol): string {
  const owner = member.declarations?.[0]?.parent
  return owner && ts.isInterfaceDeclaration(owner) ? owner.name.text : ''
}

/** The documented default; a documented `undefined` is none. */
function defaultTagOf(member: ts.Symbol): string | undefined {
  const declaration = member.declarations?.[0]
  const tag = declaration && docTagOf(declaration, 'defaultValue')
  return tag === 'undefined' ? undefined : tag
}

/** A literal type says the value even through named constants; else the text of the initializer does. */
function defaultOf(checker: ts.TypeChecker, property: ts.Symbol, constant: ts.VariableDeclaration): string {
  const type = checker.getTypeOfSymbolAtLocation(property, constant)
  if (type.isStringLiteral()) return JSON.stringify(type.value)
  if (type.isNumberLiteral()) return String(type.value)
  return initializerOf(checker, constant, property.name) ?? checker.typeToString(type)
}

/** What a member of a constant is set to, also where the constant spreads another one. */
function initializerOf(checker: ts.TypeChecker, constant: ts.Declaration, name: string): string | undefined {
  if (!ts.isVariableDeclaration(constant)) return undefined
  for (const property of objectLiteralOf(constant.initializer)?.properties.toReversed() ?? []) {
    if (ts.isSpreadAssignment(property)) {
      const spread = checker.getSymbolAtLocation(property.expression)
      const declared = spread && followed(checker, spread).valueDeclaration
      const value = declared && initializerOf(checker, declared, name)
      if (value !== undefined) return value
    } else if (propertyNameOf(property) === name) {
      return ts.isPropertyAssignment(property) ? property.initializer.getText() : name
    }
  }
  return undefined
}

function followed(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** One spelling for what means the same: `10_485_760`, `10 * 1024 * 1024` and `10485760`; `'a'` and `"a"`. */
function canonical(text: string): string {
  const expression = ts.createSourceFile(
    'x.ts',
    `(${text.replace(/^`(.*)`$/, '$1')})`,
    ts.ScriptTarget.Latest,
  )
  const statement = expression.statements[0]
  if (statement === undefined || !ts.isExpressionStatement(statement)) return text
  return fold(statement.expression, expression)
}

function fold(node: ts.Expression, source: ts.SourceFile): string {
  if (ts.isParenthesizedExpression(node)) return fold(node.expression, source)
  if (ts.isAsExpression(node)) return fold(node.expression, source)
  if (ts.isNumericLiteral(node)) return String(Number(node.text.replaceAll('_', '')))
  if (ts.isStringLiteralLike(node)) return JSON.stringify(node.text)
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.AsteriskToken) {
    return String(Number(fold(node.left, source)) * Number(fold(node.right, source)))
  }
  return node.getText(source).replace(/\s+/g, '')
}

function optionsNameOf(constant: string): string {
  const stem = constant.slice(0, -DEFAULTS_SUFFIX.length)
  return `${stem.charAt(0).toUpperCase()}${stem.slice(1)}Options`
}

function defaultsNameOf(optionsName: string): string {
  const stem = optionsName.slice(0, -'Options'.length)
  return `${stem.charAt(0).toLowerCase()}${stem.slice(1)}${DEFAULTS_SUFFIX}`
}

await runAsCheck(import.meta.url, checkDefaults)
