import type { JsonRpcRequest, JsonRpcResponse } from '@mcpwire/core'
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
import { decodeHeaderValue, encodeHeaderValue, mirroredHeaders } from '../src/headers/standard-headers.js'
import { ToolSchemas } from '../src/headers/tool-schemas.js'

const VERSION = 'io.modelcontextprotocol/protocolVersion'

function request(method: string, params: Record<string, unknown> = {}): JsonRpcRequest {
  return { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: { [VERSION]: '2026-07-28' } } }
}

function headerOf(headers: Readonly<Record<string, string>>): HeaderOf {
  return (name) => headers[name]
}

const asUtf8 = (text: string): string => Buffer.from(text).toString()
const base64 = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`

describe('the value of a mirrored header', () => {
  test.each(['add', 'a b', 'file:///a?b=1', '', '=?base64?', '?=', 'a=?base64?YQ==?=', '=?BASE64?YQ==?='])(
    'stays as it is: %j [HDR-C-07]',
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
    ['bytes that are no UTF-8', '=?base64?/w==?='],
    ['a control character', 'a\nb'],
    ['a character beyond ASCII', 'größe'],
  ])('means nothing with %s [HDR-S-17]', (_what, value) => {
    expect(decodeHeaderValue(value)).toBeUndefined()
  })

  test.each(['=?base64?YQ==', 'YQ==?=', '=?base64?=', '=?Base64?YQ==?='])(
    'is literal without both markers in lower case: %j [HDR-S-17]',
    (value) => {
      expect(decodeHeaderValue(value)).toBe(value)
    },
  )

  test('means an empty text where it encodes one, as the v2 SDK does', () => {
    expect(decodeHeaderValue('=?base64??=')).toBe('')
  })

  test('comes back as the text it was made of, whatever that is, and fits a header [HDR-C-08]', () => {
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

  test('of a notification are its method, and its revision if it names one', () => {
    expect(
      mirroredHeaders({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }),
    ).toEqual({
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
  test('are those that the schema names, at any depth of properties [HDR-C-05, HDR-C-06, HDR-C-07]', () => {
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
  ])('are none where a value is absent, null or has no exact text: %j [HDR-C-06]', (args) => {
    expect(paramsIn(mirroredHeaders(call(args), paramsOf(SCHEMA)))).toEqual({})
  })

  test('belong to calls of tools only', () => {
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
    ['what $ref leads to', { properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: annotation } }],
  ])('are invalid with %s [HDR-C-09]', (_what, schema) => {
    expect(paramHeadersOf(schema)).toMatchObject({ isValid: false, reason: expect.stringMatching(/header/) })
  })

  test.each([
    ['a default', { properties: { a: { type: 'object', default: annotation } } }],
    ['a property of that name', { properties: { 'x-mcp-header': { type: 'string' } } }],
    ['an enum', { properties: { a: { enum: [annotation] } } }],
    ['a schema that is none', 'schema'],
    ['no schema', undefined],
  ])('are none, yet valid, with the word in %s', (_what, schema) => {
    expect(paramHeadersOf(schema)).toEqual({ isValid: true, headers: [] })
  })

  test('are looked for however deep the schema is', () => {
    let schema: object = annotation
    for (let depth = 0; depth < 50_000; depth++) schema = { not: schema }
    expect(paramHeadersOf(schema)).toMatchObject({ isValid: false })
  })

  test('are looked for however wide the schema is', () => {
    const anyOf = Array.from({ length: 200_000 }, () => ({}))
    const region = { type: 'string', 'x-mcp-header': 'Region' }
    expect(paramHeadersOf({ anyOf, properties: { region } })).toEqual({
      isValid: true,
      headers: [{ header: 'mcp-param-region', path: ['region'], type: 'string' }],
    })
  })

  test('are looked for in time that is linear in the schema, and may not lie too deep in all', () => {
    let bare: object = {}
    let annotated: object = {}
    for (let depth = 0; depth < 60_000; depth++) {
      bare = { properties: { a: bare } }
      annotated = { type: 'string', 'x-mcp-header': `h${depth}`, properties: { a: annotated } }
    }
    const since = performance.now()
    expect(paramHeadersOf(bare)).toEqual({ isValid: true, headers: [] })
    expect(paramHeadersOf({ properties: { a: annotated } })).toMatchObject({
      isValid: false,
      reason: expect.stringContaining('too deep'),
    })
    expect(performance.now() - since).toBeLessThan(2_000)
  })
})

describe('what a server checks', () => {
  const good = call({ region: 'eu', count: 3, dry: true })
  const goodHeaders = mirroredHeaders(good, paramsOf(SCHEMA))

  test('the revision must be there and be that of the body, letter by letter [PVH-S-04, PVH-S-06]', () => {
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
    ['the method is written otherwise', { 'mcp-method': 'TOOLS/CALL' }, 'mcp-method'],
    ['the method is encoded without need', { 'mcp-method': base64('tools/call') }, 'mcp-method'],
    ['the name is missing', { 'mcp-name': undefined }, 'mcp-name'],
    ['the name is another', { 'mcp-name': 'destroy' }, 'mcp-name'],
    ['the name is written otherwise', { 'mcp-name': 'Deploy' }, 'mcp-name'],
    ['the name means no text', { 'mcp-name': '=?base64?*?=' }, 'mcp-name'],
    ['the name was sent twice', { 'mcp-name': 'deploy, deploy' }, 'mcp-name'],
  ])('a request is refused where %s [HDR-S-14, HDR-20]', (_what, change, header) => {
    const headers = Object.fromEntries(
      Object.entries({ ...goodHeaders, ...change }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>
    expect(standardFault(good, headerOf(headers))).toEqual({
      header,
      message: expect.stringContaining(header),
    })
  })

  test('blanks around a value are none of it, and a name may be encoded [HDR-S-16]', () => {
    const headers = { ...goodHeaders, 'mcp-method': ' tools/call\t', 'mcp-name': ` ${base64('deploy')} ` }
    expect(standardFault(good, headerOf(headers))).toBeUndefined()
  })

  test('a value that a header cannot carry is refused as it is [HDR-S-14, HDR-S-17]', () => {
    for (const name of ['größe', '=?base64?YQ==?=']) {
      const raw = { 'mcp-method': 'tools/call', 'mcp-name': name }
      expect(standardFault(request('tools/call', { name }), headerOf(raw))).toMatchObject({
        header: 'mcp-name',
      })
    }
    const odd = request('größe')
    expect(standardFault(odd, headerOf({ 'mcp-method': 'größe' }))).toMatchObject({ header: 'mcp-method' })
  })

  test('a name that the body has not is refused, one of a method without names is ignored', () => {
    expect(standardFault(request('tools/call'), headerOf({ ...goodHeaders }))).toMatchObject({
      header: 'mcp-name',
    })
    const list = { 'mcp-method': 'tools/list', 'mcp-name': 'deploy' }
    expect(standardFault(request('tools/list'), headerOf(list))).toBeUndefined()
  })

  test.each([
    ['one is missing', { 'mcp-param-region': undefined }, 'mcp-param-region'],
    ['one is another', { 'mcp-param-region': 'us' }, 'mcp-param-region'],
    ['one is written otherwise', { 'mcp-param-region': 'EU' }, 'mcp-param-region'],
    ['one means no text', { 'mcp-param-region': '=?base64?ZXU?=' }, 'mcp-param-region'],
    ['a number is another', { 'mcp-param-count': '4' }, 'mcp-param-count'],
    ['a number is written as no number is', { 'mcp-param-count': '0x3' }, 'mcp-param-count'],
    ['a boolean is written otherwise', { 'mcp-param-dry-run': 'True' }, 'mcp-param-dry-run'],
    ['the body has no value for it', { 'mcp-param-city': 'Bern' }, 'mcp-param-city'],
  ])('arguments are refused where %s [HDR-S-14, HDR-S-17, HDR-S-18]', (_what, change, header) => {
    const headers = Object.fromEntries(
      Object.entries({ ...goodHeaders, ...change }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>
    expect(paramFault(good, paramsOf(SCHEMA), headerOf(headers))).toMatchObject({ header })
  })

  test.each(['3', '3.0', '3e0', base64('3')])(
    'an integer may be written %s [HDR-S-19, HDR-S-16]',
    (value) => {
      const headers = { ...goodHeaders, 'mcp-param-count': value }
      expect(paramFault(good, paramsOf(SCHEMA), headerOf(headers))).toBeUndefined()
    },
  )

  test('an argument without a schema for it is not looked at [HDR-I-22]', () => {
    expect(paramFault(good, [], headerOf({ 'mcp-param-region': 'us' }))).toBeUndefined()
  })

  test('nothing is said of the values [HDR-S-21]', () => {
    const fault = paramFault(
      good,
      paramsOf(SCHEMA),
      headerOf({ ...goodHeaders, 'mcp-param-region': 'secret' }),
    )
    expect(JSON.stringify(fault)).not.toMatch(/secret|eu/)
  })

  test('whatever a client builds is accepted', () => {
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
        // As it is once it has crossed the wire.
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

  test('whatever a client builds for one argument is refused for another', () => {
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

describe('what is learnt from lists of tools', () => {
  const list = (...tools: unknown[]): JsonRpcResponse => ({
    jsonrpc: '2.0',
    id: 1,
    result: { tools, nextCursor: 'n' },
  })
  const tool = (name: string, header: unknown = 'Region') => ({
    name,
    inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': header } } },
  })
  const bare = (name: string) => ({ name, inputSchema: { type: 'object' } })

  test('the arguments of a tool that travel in headers, by the newest list [HDR-C-13]', () => {
    const schemas = new ToolSchemas(10)
    expect(schemas.headersOf('deploy')).toEqual([])
    schemas.check(list(tool('deploy')))
    expect(schemas.headersOf('deploy')).toMatchObject([{ header: 'mcp-param-region' }])
    schemas.check(list(tool('deploy', 'Zone'), bare('other')))
    expect(schemas.headersOf('deploy')).toMatchObject([{ header: 'mcp-param-zone' }])
    schemas.check(list(bare('deploy')))
    expect(schemas.headersOf('deploy')).toEqual([])
    expect(schemas.headersOf(undefined)).toEqual([])
  })

  test('a tool whose annotation is invalid is left out, and the reason told once [HDR-C-09, HDR-C-10]', () => {
    const schemas = new ToolSchemas(10)
    schemas.check(list(tool('bad')))
    const first = schemas.check(list(bare('a'), tool('bad', ''), bare('b')))
    expect(first.response).toEqual(list(bare('a'), bare('b')))
    expect(first.excluded).toEqual([{ tool: 'bad', reason: expect.stringContaining('region') }])
    expect(schemas.headersOf('bad')).toEqual([])
    const again = schemas.check(list(tool('bad', '')))
    expect(again.response).toEqual(list())
    expect(again.excluded).toEqual([])
    const other = { name: 'bad', inputSchema: { 'x-mcp-header': 'A' } }
    expect(schemas.check(list(other)).excluded).toHaveLength(1)
  })

  test('other answers pass as they are', () => {
    const schemas = new ToolSchemas(10)
    const answers: JsonRpcResponse[] = [
      { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no' } },
      { jsonrpc: '2.0', id: 1, result: { tools: 'none' } },
      list(null, 7, {}, { name: 1 }),
      list(bare('a'), tool('deploy')),
    ]
    for (const response of answers) expect(schemas.check(response).response).toBe(response)
  })

  test('no more than maxTools are remembered, the newest', () => {
    const schemas = new ToolSchemas(2)
    schemas.check(list(tool('a'), tool('b'), tool('c')))
    expect(['a', 'b', 'c'].map((name) => schemas.headersOf(name).length)).toEqual([0, 1, 1])
    schemas.check(list(tool('b')))
    schemas.check(list(tool('d')))
    expect(['b', 'c', 'd'].map((name) => schemas.headersOf(name).length)).toEqual([1, 0, 1])
  })
})
