import { expect, test } from 'vitest'
import { checkDefaults } from '../check-defaults.js'
import { fixture, manifest } from './fixture.js'

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
const MAX_BYTES = 10_485_760
export const wireDefaults = { limit: ${actual} } as const
void MAX_BYTES
`
}

function check(source: string): readonly string[] {
  return checkDefaults(fixture({ ...manifest('core'), 'packages/core/src/index.ts': source }))
}

test.each([
  ['10_485_760', '10 * 1024 * 1024'],
  ['10_485_760', 'MAX_BYTES'],
  ["'127.0.0.1'", '"127.0.0.1"'],
  ['`true`', 'true'],
  ['Infinity', 'Infinity'],
  ['[1, 2]', '[1,2]'],
])('takes %s and %s for the same default', (documented, actual) => {
  expect(check(optionsFile(documented, actual))).toEqual([])
})

test.each([
  ['10_485_760', '10_485_761'],
  ["'a'", "'b'"],
  ['true', 'false'],
])('finds that %s is not %s', (documented, actual) => {
  expect(check(optionsFile(documented, actual))).toHaveLength(1)
})

test('takes an annotated constant at its word, and a documented undefined for no default', () => {
  const source = `
interface Clock { now(): number }
declare const systemClock: Clock
export interface WireOptions {
  /** @defaultValue systemClock */
  clock?: Clock
  /** @defaultValue undefined */
  gate?: unknown
}
export const wireDefaults: { readonly clock: Clock } = { clock: systemClock }
`
  expect(check(source)).toEqual([])
  expect(check(source.replace('@defaultValue systemClock', '@defaultValue fakeClock'))).toEqual([
    'WireOptions.clock: @defaultValue fakeClock, but wireDefaults has systemClock',
  ])
})

test('follows inherited options and spread constants', () => {
  const source = `
declare const systemClock: object
export interface WireOptions {
  /** @defaultValue systemClock */
  clock?: object
}
export const wireDefaults: { readonly clock: object } = { clock: systemClock }
export interface CableOptions extends WireOptions {}
export const cableDefaults: typeof wireDefaults = { ...wireDefaults }
export interface RopeOptions extends WireOptions {}
`
  expect(check(source)).toEqual([])
})

test('finds a default that is not documented', () => {
  const source =
    'export interface WireOptions { limit?: number }\nexport const wireDefaults = { limit: 1 } as const\n'
  expect(check(source)).toEqual(['WireOptions.limit: no @defaultValue; it is 1'])
})

test('finds a documented default that does not exist', () => {
  const source =
    'export interface WireOptions {\n/** @defaultValue 1 */\nlimit?: number }\nexport const wireDefaults = {} as const\n'
  expect(check(source)).toEqual(['WireOptions.limit: has @defaultValue, but is not in wireDefaults'])
})

test('finds a documented default where there are no defaults at all', () => {
  const source = 'export interface WireOptions {\n/** @defaultValue 1 */\nlimit?: number }\n'
  expect(check(source)).toEqual(['WireOptions.limit: has @defaultValue, but there is no wireDefaults'])
})

test('finds a default of an option that does not exist', () => {
  const source = 'export interface WireOptions { a?: 1 }\nexport const wireDefaults = { b: 1 } as const\n'
  expect(check(source)).toEqual(['wireDefaults.b: WireOptions has no such option'])
})
