import type { JsonRpcRequest } from '@mcpwire/core'
import { cpuTimeOf } from '@mcpwire/test-support/cpu-time'
import { cancelled } from '@mcpwire/test-support/messages'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ParamHeader, paramHeadersOf } from '../src/headers/param-headers.js'
import { decodeHeaderValue, encodeHeaderValue, mirroredHeaders } from '../src/headers/standard-headers.js'

const VERSION = 'io.modelcontextprotocol/protocolVersion'

function request(method: string, params: Record<string, unknown> = {}): JsonRpcRequest {
  return { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: { [VERSION]: '2026-07-28' } } }
}

const asUtf8 = (text: string): string => Buffer.from(text).toString()
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

describe('the value of a mirrored header', () => {
  test.each(['add', 'a b', 'file:///a?b=1', '', '=?base64?', '?=', 'a=?base64?YQ==?=', '=?BASE64?YQ==?='])(
    'is the text itself: %j [HDR-C-07]',
    (text) => {
      expect(encodeHeaderValue(text)).toBe(text)
      expect(decodeHeaderValue(text)).toBe(text)
    },
  )

  test.each([
    'größe',
    '日本',
    'a\tb',
    'a\nb',
    '\u007f',
    ' a',
    'a ',
    ' ',
    '=?base64?YQ==?=',
    '\u{1F600}',
    '\ufeffa',
  ])('is encoded where a header cannot carry it: %j [HDR-C-04, HDR-C-08]', (text) => {
    expect(encodeHeaderValue(text)).toBe(base64(text))
    expect(decodeHeaderValue(base64(text))).toBe(text)
  })

  test.each([
    ['padding that is short', '=?base64?YQ=?='],
    ['no padding', '=?base64?YQ?='],
    ['another alphabet', '=?base64?_-8=?='],
    ['a blank inside', '=?base64?YW Jj?='],
    ['bytes that are not UTF-8', '=?base64?/w==?='],
    ['a control character', 'a\nb'],
    ['a character beyond ASCII', 'größe'],
  ])('is invalid with %s [HDR-S-17]', (_what, value) => {
    expect(decodeHeaderValue(value)).toBeUndefined()
  })

  test.each(['=?base64?YQ==', 'YQ==?=', '=?base64?=', '=?Base64?YQ==?='])(
    'is literal without both markers in lower case: %j [HDR-S-17]',
    (value) => {
      expect(decodeHeaderValue(value)).toBe(value)
    },
  )

  test('may encode an empty text, as in the v2 SDK', () => {
    expect(decodeHeaderValue('=?base64??=')).toBe('')
  })

  test('decodes to its text, whatever that is, and fits a header [HDR-C-08]', () => {
    const pieces = fc.constantFrom('=?base64?', '?=', ' ', '\t', 'a', 'é', '\u{1F600}', '\0', '=')
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.array(pieces, { maxLength: 5 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(text, (original) => {
        const value = encodeHeaderValue(original)
        expect(value).toMatch(/^([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?$/)
        expect(decodeHeaderValue(value)).toBe(asUtf8(original))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the headers of a message', () => {
  test.each([
    ['tools/call', { name: 'add' }, 'add'],
    ['prompts/get', { name: 'greet' }, 'greet'],
    ['resources/read', { uri: 'file:///ü' }, base64('file:///ü')],
    ['tasks/get', { taskId: 't1' }, 't1'],
    ['tasks/update', { taskId: 't1' }, 't1'],
    ['tasks/cancel', { taskId: 't1' }, 't1'],
    ['tools/call', { name: '' }, ''],
  ])(
    'mirror revision, method and name: %s %j [HDR-C-01, HDR-C-02, HDR-C-03, PVH-C-02]',
    (method, params, name) => {
      expect(mirroredHeaders(request(method, params))).toEqual({
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        'mcp-name': name,
      })
    },
  )

  test.each([
    ['tools/list', { name: 'add' }],
    ['__proto__', { name: 'add' }],
    ['tools/call', { name: 7 }],
    ['tools/call', {}],
  ])('have no name where the message has none: %s %j', (method, params) => {
    expect(mirroredHeaders(request(method, params))).not.toHaveProperty('mcp-name')
  })

  test('of a notification are its method, and its revision where it names one', () => {
    expect(mirroredHeaders(cancelled(1))).toEqual({
      'mcp-method': 'notifications/cancelled',
    })
  })

  test('are none for a response', () => {
    expect(mirroredHeaders({ jsonrpc: '2.0', id: 1, result: {} })).toEqual({})
  })
})

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

function paramsIn(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('mcp-param-')))
}

describe('arguments in headers', () => {
  test('are those that the schema annotates, at any depth of properties [HDR-C-05, HDR-C-06, HDR-C-07]', () => {
    const args = { region: 'eu', count: 3, dry: false, plain: 'no', where: { city: 'Zürich' } }
    expect(paramsIn(mirroredHeaders(call(args), paramsOf(SCHEMA)))).toEqual({
      'mcp-param-region': 'eu',
      'mcp-param-count': '3',
      'mcp-param-dry-run': 'false',
      'mcp-param-city': base64('Zürich'),
    })
  })

  test.each([
    [undefined],
    [{}],
    [{ region: null, count: null, dry: null, where: null }],
    [{ region: {}, count: [], where: { city: { region: 'eu' } } }],
    [{ count: 2 ** 53, where: 'city' }],
    [Object.create({ region: 'inherited' })],
    ['text'],
  ])('omit a value that is absent, null or has no exact text: %j [HDR-C-06]', (args) => {
    expect(paramsIn(mirroredHeaders(call(args), paramsOf(SCHEMA)))).toEqual({})
  })

  test('are for calls of tools only', () => {
    const other = request('prompts/get', { name: 'deploy', arguments: { region: 'eu' } })
    expect(paramsIn(mirroredHeaders(other, paramsOf(SCHEMA)))).toEqual({})
  })

  const annotation = { type: 'string', 'x-mcp-header': 'A' }
  test.each([
    ['an empty name', { properties: { a: { type: 'string', 'x-mcp-header': '' } } }],
    ['a name with a blank', { properties: { a: { type: 'string', 'x-mcp-header': 'a b' } } }],
    ['a name with a line end', { properties: { a: { type: 'string', 'x-mcp-header': 'a\r\nb: c' } } }],
    ['a name that is no text', { properties: { a: { type: 'string', 'x-mcp-header': 1 } } }],
    ['a number', { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } }],
    ['an object', { properties: { a: { type: 'object', 'x-mcp-header': 'A' } } }],
    ['no type', { properties: { a: { 'x-mcp-header': 'A' } } }],
    ['several types', { properties: { a: { type: ['string', 'null'], 'x-mcp-header': 'A' } } }],
    [
      'the same name in another case',
      { properties: { a: annotation, b: { type: 'integer', 'x-mcp-header': 'a' } } },
    ],
    ['the root', { ...annotation, properties: {} }],
    ['items', { properties: { a: { type: 'array', items: annotation } } }],
    ['properties of items', { properties: { a: { items: { properties: { b: annotation } } } } }],
    ['anyOf', { properties: { a: { anyOf: [{ type: 'null' }, annotation] } } }],
    ['oneOf', { oneOf: [{ properties: { a: annotation } }] }],
    ['allOf', { allOf: [{ properties: { a: annotation } }] }],
    ['not', { not: { properties: { a: annotation } } }],
    ['if', { if: { properties: { a: annotation } } }],
    ['then', Object.fromEntries([['then', { properties: { a: annotation } }]])],
    ['else', { else: { properties: { a: annotation } } }],
    ['additionalProperties', { additionalProperties: annotation }],
    ['patternProperties', { patternProperties: { '^a': annotation } }],
    ['the target of $ref', { properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: annotation } }],
  ])('are invalid with %s [HDR-C-09]', (_what, schema) => {
    expect(paramHeadersOf(schema)).toMatchObject({ isValid: false, reason: expect.stringMatching(/header/) })
  })

  test.each([
    ['a default', { properties: { a: { type: 'object', default: annotation } } }],
    ['a property of that name', { properties: { 'x-mcp-header': { type: 'string' } } }],
    ['an enum', { properties: { a: { enum: [annotation] } } }],
    ['an invalid schema', 'schema'],
    ['no schema', undefined],
  ])('ignore the keyword in %s', (_what, schema) => {
    expect(paramHeadersOf(schema)).toEqual({ isValid: true, headers: [] })
  })

  test('are found in a schema of any depth', () => {
    let schema: object = annotation
    for (let depth = 0; depth < 50_000; depth++) schema = { not: schema }
    expect(paramHeadersOf(schema)).toMatchObject({ isValid: false })
  })

  test('are found in a schema of any width', () => {
    const anyOf = Array.from({ length: 200_000 }, () => ({}))
    const region = { type: 'string', 'x-mcp-header': 'Region' }
    expect(paramHeadersOf({ anyOf, properties: { region } })).toEqual({
      isValid: true,
      headers: [{ header: 'mcp-param-region', path: ['region'], type: 'string' }],
    })
  })

  test('are found in linear time, with a limit on their depth in all', () => {
    let bare: object = {}
    let annotated: object = {}
    for (let depth = 0; depth < 60_000; depth++) {
      bare = { properties: { a: bare } }
      annotated = { type: 'string', 'x-mcp-header': `h${depth}`, properties: { a: annotated } }
    }
    const results: unknown[] = []
    const cpuMs = cpuTimeOf(() => {
      results.push(paramHeadersOf(bare), paramHeadersOf({ properties: { a: annotated } }))
    })
    expect(results).toEqual([
      { isValid: true, headers: [] },
      expect.objectContaining({ isValid: false, reason: expect.stringContaining('too deep') }),
    ])
    expect(cpuMs).toBeLessThan(2_000)
  })
})
