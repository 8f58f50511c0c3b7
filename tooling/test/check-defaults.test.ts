import { expect, test } from 'vitest'
import { checkDefaults } from '../check-defaults.js'
import type { Problems } from '../run-as-check.js'
import { fixture, link, manifest } from './fixture.js'

function optionsFile(documented: string, actual: string): string {
  return `
export interface WireOptions {
  /** Where. */
  host: string
  /**
   * How long.
   * @defaultValue ${documented}
   */
  limit?: unknown
}
export const MAX_BYTES = 10_485_760
export const wireDefaults = { limit: ${actual} } as const
`
}

function check(source: string): Promise<Problems> {
  return checkDefaults(fixture({ ...manifest('core'), 'packages/core/src/index.ts': source }))
}

test.each([
  ['10_485_760', '10 * 1024 * 1024'],
  ['10_485_760', 'MAX_BYTES'],
  ["'127.0.0.1'", '"127.0.0.1"'],
  ['`true`', 'true'],
  ['Infinity', 'Infinity'],
  ['[1, 2]', '[1,2]'],
])('accepts %s as the tag of a default of %s', async (documented, actual) => {
  expect(await check(optionsFile(documented, actual))).toEqual([])
})

test.each([
  ['10_485_760', '10_485_761'],
  ["'a'", "'b'"],
  ['true', 'false'],
])('finds the tag %s of a default of %s', async (documented, actual) => {
  expect(await check(optionsFile(documented, actual))).toHaveLength(1)
})

test('reads the values of an option table, and a documented undefined as no default', async () => {
  const source = `
interface Clock { now(): number }
export const systemClock: Clock = { now: () => 1 }
export const fakeClock: Clock = { now: () => 2 }
const table = { defaults: Object.fromEntries([['clock', systemClock]]) }
export interface WireOptions {
  /** @defaultValue systemClock */
  clock?: Clock
  /** @defaultValue undefined */
  gate?: unknown
}
export const wireDefaults = table.defaults
`
  expect(await check(source)).toEqual([])
  expect(await check(source.replace('@defaultValue systemClock', '@defaultValue fakeClock'))).toEqual([
    'WireOptions.clock: @defaultValue fakeClock, but wireDefaults has systemClock',
  ])
})

test('finds a tag that is no expression', async () => {
  const problems = await check(optionsFile('the usual one', '1'))
  expect(problems).toEqual([expect.stringContaining('@defaultValue the usual one cannot be evaluated')])
})

test('reads names of core and the defaults of every interface that extends one', async () => {
  const source = `
import { systemClock } from '@mcpwire/core'
export interface EndOptions {
  /** @defaultValue systemClock */
  clock?: object
}
export interface FarEndOptions extends EndOptions {}
export const farEndDefaults = { clock: systemClock }
`
  const root = fixture({
    ...manifest('core'),
    'packages/core/src/index.ts': 'export const systemClock: object = { now: 1 }\n',
    ...manifest('tcp'),
    'packages/tcp/src/index.ts': source,
  })
  link(root, 'tcp', 'core')
  expect(await checkDefaults(root)).toEqual([])
})

test('accepts inherited options and spread constants', async () => {
  const source = `
export const systemClock: object = {}
export interface WireOptions {
  /** @defaultValue systemClock */
  clock?: object
}
export const wireDefaults: { readonly clock: object } = { clock: systemClock }
export interface CableOptions extends WireOptions {}
export const cableDefaults: typeof wireDefaults = { ...wireDefaults }
export interface RopeOptions extends WireOptions {}
`
  expect(await check(source)).toEqual([])
})

test('finds a default that is not documented', async () => {
  const source =
    'export interface WireOptions { limit?: number }\nexport const wireDefaults = { limit: 1 } as const\n'
  expect(await check(source)).toEqual(['WireOptions.limit: no @defaultValue; it is 1'])
})

test('finds a documented default that does not exist', async () => {
  const source =
    'export interface WireOptions {\n/** @defaultValue 1 */\nlimit?: number }\nexport const wireDefaults = {} as const\n'
  expect(await check(source)).toEqual(['WireOptions.limit: has @defaultValue, but is not in wireDefaults'])
})

test('finds a documented default of options without a constant', async () => {
  const source = 'export interface WireOptions {\n/** @defaultValue 1 */\nlimit?: number }\n'
  expect(await check(source)).toEqual(['WireOptions.limit: has @defaultValue, but there is no wireDefaults'])
})

test('finds a default of an option that does not exist', async () => {
  const source = 'export interface WireOptions { a?: 1 }\nexport const wireDefaults = { b: 1 } as const\n'
  expect(await check(source)).toEqual(['wireDefaults.b: WireOptions has no such option'])
})
