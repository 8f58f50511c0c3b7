import { fakeClock } from '@mcpwire/test-support/fake-clock'
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ModernServer } from '@modelcontextprotocol/server'
import { expect, test, vi } from 'vitest'
import {
  allOf,
  allowAll,
  type Gate,
  localOnly,
  memoryClient,
  memoryListener,
  memoryPair,
  type PeerOptions,
  peer,
  serve,
  type TransportLike,
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
