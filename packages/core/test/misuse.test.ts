import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ModernServer } from '@modelcontextprotocol/server'
import { describe, expect, test, vi } from 'vitest'
import { fromTransport } from '../src/authoring.js'
import {
  allOf,
  allowAll,
  connections,
  type Gate,
  type Layer,
  localOnly,
  memoryClient,
  memoryListener,
  memoryPair,
  messages,
  meter,
  type PeerOptions,
  peer,
  pipe,
  serve,
  type TransportLike,
  tap,
  withLayers,
} from '../src/index.js'

const identity = { name: 'test', version: '1' }

test.each([
  ['nothing', undefined],
  ['a server', new ModernServer(identity)],
])('serve() rejects %s as accept', async (_what, accept) => {
  const listener = memoryListener()
  const [transport] = memoryPair()
  const refused = { code: 'INVALID_OPTION', details: { option: 'accept', received: accept } }
  await expect(serve(listener, accept as never)).rejects.toMatchObject(refused)
  await expect(serve(transport, accept as never)).rejects.toMatchObject(refused)

  expect(listener.address).toBeUndefined()
  expect(transport.state).toBe('idle')
})

test.each([
  ['a function', () => ({ admit: true })],
  ['the maker of a gate', localOnly],
  ['null', null],
  ['an object without admit', {}],
])('rejects a gate that is %s', (_what, given) => {
  const gate = given as unknown as Gate
  const refused = expect.objectContaining({
    code: 'INVALID_OPTION',
    details: { option: 'gate', received: given },
  })

  expect(() => memoryListener({ gate })).toThrow(refused)
  expect(() => allOf(allowAll(), gate)).toThrow(refused)
})

test.each([
  ['v1', new LegacyServer(identity)],
  ['v2', new ModernServer(identity)],
] as const)('rejects connect() of an SDK %s server with a hint about serve()', async (_version, server) => {
  const listener = memoryListener()
  const connecting = server.connect(listener as unknown as never)

  await expect(connecting).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { hint: expect.stringContaining('serve(listener, accept)') },
  })
  expect(listener.address).toBeUndefined()
})

test('rejects send() of a listener with a hint about serve()', async () => {
  const listener = memoryListener() as unknown as TransportLike
  expect(listener.onmessage).toBeUndefined()
  const sending = listener.send({ jsonrpc: '2.0', method: 'n' })

  await expect(sending).rejects.toThrow('use serve(listener, accept)')
})

test('reports a connection that accept does not start within startTimeoutMs', async () => {
  const clock = fakeClock()
  const listener = memoryListener({ clock, startTimeoutMs: 100 })
  const errors: Error[] = []
  listener.onerror = (error) => errors.push(error)
  await serve(listener, () => {})
  const connecting = memoryClient({ listener }).start()
  connecting.catch(() => {})
  await clock.advance(99)
  expect(errors).toEqual([])
  await clock.advance(1)

  expect(errors).toMatchObject([
    { code: 'CLOSED', message: expect.stringContaining('startTimeoutMs (100 ms)') },
  ])
  await expect(connecting).rejects.toMatchObject({ code: 'REFUSED' })
})

test.each<[kind: string, handlers: unknown, option: string]>([
  ['a list', [() => ({})], 'requests'],
  ['a number as a handler', { add: 5 }, 'requests["add"]'],
  ['null as a handler', { add: null }, 'requests["add"]'],
  ['an object as a handler', { add: { handle: () => ({}) } }, 'requests["add"]'],
  ['a promise of a handler', { add: Promise.resolve(() => ({})) }, 'requests["add"]'],
])('peer() rejects %s', (_kind, handlers, option) => {
  const given = { requests: handlers } as PeerOptions
  expect(() => peer(memoryPair()[0], given)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', details: { option } }),
  )
  expect(() => peer(memoryPair()[0], { notifications: handlers } as PeerOptions)).toThrow(
    expect.objectContaining({ details: { option: option.replace('requests', 'notifications') } }),
  )
})

test('peer() accepts handlers that are undefined, and uses those that are added later', async () => {
  const [near, far] = memoryPair()
  const requests: NonNullable<PeerOptions['requests']> & Record<string, unknown> = {
    gone: undefined as never,
  }
  const server = peer(far, { requests })
  const client = peer(near)
  await Promise.all([server.start(), client.start()])
  requests['late'] = () => ({ late: true })
  expect(await client.request('late')).toEqual({ late: true })
  await client.close()
})

test.each<[kind: string, headers: unknown]>([
  ['null', null],
  ['a list', ['authorization']],
  ['a text', 'authorization: x'],
  ['a value that is a number', { authorization: 5 }],
  ['a value that is a list', { authorization: ['hunter2'] }],
  ['a value that is undefined', { authorization: undefined }],
])('memoryClient() rejects headers with %s, without their values', (_kind, headers) => {
  const make = () => memoryClient({ listener: memoryListener(), headers: headers as Record<string, string> })
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', details: { option: 'headers' } }))
  expect(make).toThrow(expect.not.objectContaining({ message: expect.stringContaining('hunter2') }))
})

test('memoryClient() passes its headers to the gate by lower-case name', async () => {
  const admit = vi.fn<Gate['admit']>(() => ({ admit: true }))
  const listener = memoryListener({ gate: { admit } })
  await serve(listener, (connection) => connection.start())
  const client = memoryClient({ listener, headers: { Authorization: 'Bearer a', 'x-team': 'blue' } })
  await client.start()
  expect(admit.mock.calls[0]?.[0].headers).toEqual({ authorization: 'Bearer a', 'x-team': 'blue' })
  await client.close()
  await listener.close()
})

const noTransports: [kind: string, given: unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a number', 5],
  ['an empty object', {}],
  ['a list', []],
  ['a function that makes a transport', () => memoryPair()[0]],
  ['a promise of a transport', Promise.resolve(memoryPair()[0])],
]

describe.each(noTransports)('%s instead of a transport', (_kind, given) => {
  const other = () => memoryPair()[0] as TransportLike

  test.each<[name: string, option: string, call: (given: never) => unknown]>([
    ['withLayers', 'source', (source) => withLayers(source)],
    ['fromTransport', 'transport', (transport) => fromTransport(transport)],
    ['peer', 'transport', (transport) => peer(transport)],
    ['messages', 'transport', (transport) => messages(transport)],
    ['pipe', 'a', (a) => pipe(a, other())],
    ['pipe', 'b', (b) => pipe(other(), b)],
    ['connections', 'listener', (listener) => connections(listener)],
  ])('is rejected by %s() as %s', (_name, option, call) => {
    expect(() => call(given as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
    )
  })
})

test.each<[kind: string, layers: unknown[], option: string]>([
  ['nothing', [undefined], 'layers[0]'],
  ['a list of layers', [[tap({})]], 'layers[0]'],
  ['the result of meter()', [tap({}), meter()], 'layers[1]'],
  ['the callbacks of tap()', [{ onSend: () => {} }], 'layers[0]'],
])('withLayers() and listeners reject %s as a layer', (_kind, layers, option) => {
  const refused = expect.objectContaining({
    code: 'INVALID_OPTION',
    details: expect.objectContaining({ option }),
  })
  expect(() => withLayers(memoryPair()[0], ...(layers as Layer[]))).toThrow(refused)
  expect(() => memoryListener({ layers: layers as Layer[] })).toThrow(refused)
})

test('the result of meter() as a layer is rejected with a hint about its member', () => {
  expect(() => withLayers(memoryPair()[0], meter() as never)).toThrow(
    expect.objectContaining({ details: { option: 'layers[0]', hint: expect.stringContaining('layer') } }),
  )
})

test.each<[kind: string, given: unknown, option: string]>([
  ['a signal that is a controller', { signal: new AbortController() }, 'signal'],
  ['a signal that is a number', { signal: 5 }, 'signal'],
  ['a signal that is null', { signal: null }, 'signal'],
  ['options that are a number', 5, 'options'],
  ['send options that are text', { send: 'x' }, 'send'],
  ['send options that are null', { send: null }, 'send'],
])('request() rejects %s and sends nothing', async (_kind, given, option) => {
  const [near, far] = memoryPair()
  const received = vi.fn()
  far.onmessage = received
  const client = peer(near)
  await Promise.all([client.start(), far.start()])
  await expect(client.request('x', {}, given as never)).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    details: { option },
  })
  await client.close()
  expect(received).not.toHaveBeenCalled()
})
