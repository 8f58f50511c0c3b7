import { pathToFileURL } from 'node:url'
import { inspect, isDeepStrictEqual } from 'node:util'
import ts from 'typescript'
import { type Problems, runAsCheck } from './run-as-check.js'
import { docTagOf, nodesOf, type PublicApi, readPublicApi } from './syntax.js'
import { publicPackages, sourceEntries } from './workspace.js'

const DEFAULTS_SUFFIX = 'Defaults'
const CORE = '@mcpwire/core'

type Exports = Readonly<Record<string, unknown>>

/**
 * The values of each exported `xxxDefaults` equal the `@defaultValue` tags of `XxxOptions`. Loads the sources of the
 * packages: run it with the condition `@mcpwire/source`.
 */
export async function checkDefaults(root: string): Promise<Problems> {
  const { program, checker, names } = readPublicApi(root)
  const { interfaces, constants } = declarationsIn(program, checker)
  const scope = await exportsOfCore(root)

  const compared = await Promise.all(
    [...constants].map(async ([constant, file]) => {
      const optionsName = optionsNameOf(constant)
      const options = interfaces.get(optionsName)
      if (options === undefined) return [`${constant}: no interface ${optionsName}`]
      const exports = await load(file)
      const defaults = exports[constant] as Exports
      return compare({ checker, constant, defaults, optionsName, options, scope: { ...scope, ...exports } })
    }),
  )
  // An interface that others extend has its defaults in theirs, and one that only inherits an option repeats nothing.
  const covered = new Set(
    [...constants.keys()]
      .flatMap((constant) => interfaces.get(optionsNameOf(constant)) ?? [])
      .flatMap((options) => membersOf(checker, options))
      .map(({ declarations }) => declarations?.[0]),
  )
  const undefaulted = names
    .filter(({ name, symbol }) => name.endsWith('Options') && interfaces.get(name) === symbol)
    .filter(({ name }) => !constants.has(defaultsNameOf(name)))
    .flatMap(({ name, symbol }) => taggedMembers(checker, symbol).map((member) => ({ name, member })))
    .filter(({ member }) => !covered.has(member.declarations?.[0]))
    .map(
      ({ name, member }) =>
        `${name}.${member.name}: has @defaultValue, but there is no ${defaultsNameOf(name)}`,
    )
  return [...compared.flat(), ...new Set(undefaulted)]
}

interface Declarations {
  /** The name of each interface, and its symbol. */
  readonly interfaces: ReadonlyMap<string, ts.Symbol>
  /** The name of each exported `xxxDefaults`, and the path of its file. */
  readonly constants: ReadonlyMap<string, string>
}

function declarationsIn(program: PublicApi['program'], checker: ts.TypeChecker): Declarations {
  const interfaces = new Map<string, ts.Symbol>()
  const constants = new Map<string, string>()
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile) continue
    for (const node of nodesOf(source)) {
      if (ts.isInterfaceDeclaration(node)) {
        const symbol = checker.getSymbolAtLocation(node.name)
        if (symbol) interfaces.set(node.name.text, symbol)
      }
      if (isExportedConstant(node) && node.name.text.endsWith(DEFAULTS_SUFFIX))
        constants.set(node.name.text, source.fileName)
    }
  }
  return { interfaces, constants }
}

function isExportedConstant(node: ts.Node): node is ts.VariableDeclaration & { name: ts.Identifier } {
  return (
    ts.isVariableDeclaration(node) &&
    ts.isIdentifier(node.name) &&
    (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Export) !== 0
  )
}

/** The names that a tag can use, such as `systemClock`. */
async function exportsOfCore(root: string): Promise<Exports> {
  const core = publicPackages(root).find(({ manifest }) => manifest.name === CORE)
  const modules = core ? await Promise.all(sourceEntries(core).map(({ file }) => load(file))) : []
  return Object.assign({}, ...modules) as Exports
}

async function load(file: string): Promise<Exports> {
  return (await import(pathToFileURL(file).href)) as Exports
}

interface Comparison {
  readonly checker: ts.TypeChecker
  readonly constant: string
  readonly defaults: Exports
  readonly optionsName: string
  readonly options: ts.Symbol
  /** The names that a tag can use. */
  readonly scope: Exports
}

function compare({ checker, constant, defaults, optionsName, options, scope }: Comparison): string[] {
  const members = new Map(membersOf(checker, options).map((member) => [member.name, member]))
  const wrong = Object.entries(defaults).flatMap(([name, actual]) => {
    const member = members.get(name)
    if (member === undefined) return [`${constant}.${name}: ${optionsName} has no such option`]
    const documented = defaultTagOf(member)
    if (documented === undefined)
      return [`${optionsName}.${name}: no @defaultValue; it is ${textOf(actual, scope)}`]
    const tag = `${optionsName}.${name}: @defaultValue ${documented}`
    const evaluated = evaluate(documented, scope)
    if ('error' in evaluated) return [`${tag} cannot be evaluated: ${evaluated.error}`]
    if (isDeepStrictEqual(evaluated.value, actual)) return []
    return [`${tag}, but ${constant} has ${textOf(actual, scope)}`]
  })
  const missing = taggedMembers(checker, options)
    .filter(({ name }) => !Object.hasOwn(defaults, name))
    .map(({ name }) => `${optionsName}.${name}: has @defaultValue, but is not in ${constant}`)
  return [...wrong, ...missing]
}

type Evaluated = { readonly value: unknown } | { readonly error: string }

/** The value of the text of a tag, which is an expression. Names in it are those of `scope`. */
function evaluate(text: string, scope: Exports): Evaluated {
  const expression = text.replace(/^`(.*)`$/, '$1')
  try {
    const body = new Function(...Object.keys(scope), `'use strict'; return (${expression})`)
    return { value: body(...Object.values(scope)) }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

/** The name under which `scope` has that value, else the value. */
function textOf(value: unknown, scope: Exports): string {
  const isNamed = typeof value === 'function' || (typeof value === 'object' && value !== null)
  const name = isNamed ? Object.keys(scope).find((each) => scope[each] === value) : undefined
  return name ?? inspect(value, { depth: 2, breakLength: Infinity })
}

function membersOf(checker: ts.TypeChecker, options: ts.Symbol): ts.Symbol[] {
  return checker.getDeclaredTypeOfSymbol(options).getProperties()
}

function taggedMembers(checker: ts.TypeChecker, options: ts.Symbol): ts.Symbol[] {
  return membersOf(checker, options).filter((member) => defaultTagOf(member) !== undefined)
}

/** The documented default. A documented `undefined` is none. */
function defaultTagOf(member: ts.Symbol): string | undefined {
  const declaration = member.declarations?.[0]
  const tag = declaration && docTagOf(declaration, 'defaultValue')
  return tag === 'undefined' ? undefined : tag
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
