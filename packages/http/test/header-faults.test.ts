import type { JsonRpcRequest } from '@mcpwire/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type HeaderOf,
  paramFault,
  standardFault,
  versionFault,
  versionMissing,
} from '../src/headers/header-faults.js'
import { type ParamHeader, paramHeadersOf } from '../src/headers/param-headers.js'
import { mirroredHeaders } from '../src/headers/standard-headers.js'

const VERSION = 'io.modelcontextprotocol/protocolVersion'

function request(method: string, params: Record<string, unknown> = {}): JsonRpcRequest {
  return { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: { [VERSION]: '2026-07-28' } } }
}

function headerOf(headers: Readonly<Record<string, string>>): HeaderOf {
  return (name) => headers[name]
}

const asUtf8 = (text: string): string => Buffer.from(text).toString()
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

const SCHEMA = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    dry: { type: 'boolean', 'x-mcp-header': 'Dry-Run' },
    plain: { type: 'string' },
    where: { type: 'object', properties: { city: { type: 'string', 'x-mcp-header': 'City' } } },
  },
}

function paramsOf(schema: unknown): readonly ParamHeader[] {
  const found = paramHeadersOf(schema)
  if (!found.isValid) throw new Error(found.reason)
  return found.headers
}

function call(args: unknown): JsonRpcRequest {
  return request('tools/call', { name: 'deploy', arguments: args })
}

describe('the check of mirrored headers', () => {
  const good = call({ region: 'eu', count: 3, dry: true })
  const goodHeaders = mirroredHeaders(good, paramsOf(SCHEMA))

  test('requires the revision of the body, letter by letter [PVH-S-04, PVH-S-06]', () => {
    expect(versionMissing(headerOf(goodHeaders))).toBeUndefined()
    expect(versionMissing(headerOf({}))).toMatchObject({ header: 'mcp-protocol-version' })
    expect(versionFault(good, headerOf(goodHeaders))).toBeUndefined()
    expect(versionFault(good, headerOf({ 'mcp-protocol-version': '2025-11-25' }))).toMatchObject({
      header: 'mcp-protocol-version',
    })
  })

  test.each([
    ['the method is missing', { 'mcp-method': undefined }, 'mcp-method'],
    ['the method is another', { 'mcp-method': 'tools/list' }, 'mcp-method'],
    ['the method differs in case', { 'mcp-method': 'TOOLS/CALL' }, 'mcp-method'],
    ['the method is encoded without need', { 'mcp-method': base64('tools/call') }, 'mcp-method'],
    ['the name is missing', { 'mcp-name': undefined }, 'mcp-name'],
    ['the name is another', { 'mcp-name': 'destroy' }, 'mcp-name'],
    ['the name differs in case', { 'mcp-name': 'Deploy' }, 'mcp-name'],
    ['the name is malformed', { 'mcp-name': '=?base64?*?=' }, 'mcp-name'],
    ['the name was sent twice', { 'mcp-name': 'deploy, deploy' }, 'mcp-name'],
  ])('rejects a request where %s [HDR-S-14, HDR-20]', (_what, change, header) => {
    const headers = Object.fromEntries(
      Object.entries({ ...goodHeaders, ...change }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>
    expect(standardFault(good, headerOf(headers))).toEqual({
      header,
      message: expect.stringContaining(header),
    })
  })

  test('ignores blanks around a value, and accepts an encoded name [HDR-S-16]', () => {
    const headers = { ...goodHeaders, 'mcp-method': ' tools/call\t', 'mcp-name': ` ${base64('deploy')} ` }
    expect(standardFault(good, headerOf(headers))).toBeUndefined()
  })

  test('rejects a raw value that needs encoding [HDR-S-14, HDR-S-17]', () => {
    for (const name of ['größe', '=?base64?YQ==?=']) {
      const raw = { 'mcp-method': 'tools/call', 'mcp-name': name }
      expect(standardFault(request('tools/call', { name }), headerOf(raw))).toMatchObject({
        header: 'mcp-name',
      })
    }
    const odd = request('größe')
    expect(standardFault(odd, headerOf({ 'mcp-method': 'größe' }))).toMatchObject({ header: 'mcp-method' })
  })

  test('rejects a name that the body lacks, and ignores one for a method without names', () => {
    expect(standardFault(request('tools/call'), headerOf({ ...goodHeaders }))).toMatchObject({
      header: 'mcp-name',
    })
    const list = { 'mcp-method': 'tools/list', 'mcp-name': 'deploy' }
    expect(standardFault(request('tools/list'), headerOf(list))).toBeUndefined()
  })

  test.each([
    ['one is missing', { 'mcp-param-region': undefined }, 'mcp-param-region'],
    ['one is another', { 'mcp-param-region': 'us' }, 'mcp-param-region'],
    ['one differs in case', { 'mcp-param-region': 'EU' }, 'mcp-param-region'],
    ['one is malformed', { 'mcp-param-region': '=?base64?ZXU?=' }, 'mcp-param-region'],
    ['a number is another', { 'mcp-param-count': '4' }, 'mcp-param-count'],
    ['a number is hexadecimal', { 'mcp-param-count': '0x3' }, 'mcp-param-count'],
    ['a boolean differs in case', { 'mcp-param-dry-run': 'True' }, 'mcp-param-dry-run'],
    ['the body has no value for it', { 'mcp-param-city': 'Bern' }, 'mcp-param-city'],
  ])('rejects arguments where %s [HDR-S-14, HDR-S-17, HDR-S-18]', (_what, change, header) => {
    const headers = Object.fromEntries(
      Object.entries({ ...goodHeaders, ...change }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>
    expect(paramFault(good, paramsOf(SCHEMA), headerOf(headers))).toMatchObject({ header })
  })

  test.each(['3', '3.0', '3e0', base64('3')])('accepts an integer as %s [HDR-S-19, HDR-S-16]', (value) => {
    const headers = { ...goodHeaders, 'mcp-param-count': value }
    expect(paramFault(good, paramsOf(SCHEMA), headerOf(headers))).toBeUndefined()
  })

  test('ignores an argument without a schema [HDR-I-22]', () => {
    expect(paramFault(good, [], headerOf({ 'mcp-param-region': 'us' }))).toBeUndefined()
  })

  test('does not show the values [HDR-S-21]', () => {
    const fault = paramFault(
      good,
      paramsOf(SCHEMA),
      headerOf({ ...goodHeaders, 'mcp-param-region': 'secret' }),
    )
    expect(JSON.stringify(fault)).not.toMatch(/secret|eu/)
  })

  test('accepts all headers that a client builds', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.constant({}),
    )
    const args = fc.record({ region: value, count: value, dry: value, where: fc.record({ city: value }) })
    const name = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(args, name, (given, tool) => {
        // As the server receives it.
        const sent: JsonRpcRequest = request('tools/call', { name: tool, arguments: given })
        const received = JSON.parse(JSON.stringify(sent)) as JsonRpcRequest
        const headers = headerOf(mirroredHeaders(received, paramsOf(SCHEMA)))
        expect(versionFault(received, headers)).toBeUndefined()
        expect(standardFault(received, headers)).toBeUndefined()
        expect(paramFault(received, paramsOf(SCHEMA), headers)).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })

  test('rejects the headers of another argument', () => {
    const region = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(region, region, (one, other) => {
        fc.pre(asUtf8(one) !== asUtf8(other))
        const headers = headerOf(mirroredHeaders(call({ region: one }), paramsOf(SCHEMA)))
        expect(paramFault(call({ region: other }), paramsOf(SCHEMA), headers)).toMatchObject({
          header: 'mcp-param-region',
        })
      }),
    )
  })
})
