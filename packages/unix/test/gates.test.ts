import { join } from 'node:path'
import { until } from '@mcpwire/compliance'
import { type AuthInfo, type Gate, type Handshake, type Listener, localOnly, serve } from '@mcpwire/core'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { plainSocket } from '@mcpwire/test-support/socket-files'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unixClient, unixServer } from '../src/index.js'
import { type ClientName, call, clients, type ServerName, servers } from './support/sdk.js'

const TIMEOUT_MS = 30_000
const TOKEN = 'a-secret-token'

/** Accepts one token. */
const bearer: Gate = {
  admit: ({ headers }) => {
    const authInfo: AuthInfo = { token: TOKEN, clientId: 'alice', scopes: [] }
    return headers['authorization'] === `Bearer ${TOKEN}`
      ? { admit: true, authInfo }
      : { admit: false, status: 401, reason: 'a valid bearer token is required' }
  },
}

type ServerOptions = Omit<Parameters<typeof unixServer>[0], 'path'>

async function listening(
  options: ServerOptions,
): Promise<{ path: string; listener: Listener; errors: Error[] }> {
  const path = join(await temporaryFolder(), 'server')
  const listener = unixServer({ path, ...options })
  const errors: Error[] = []
  onTestFinished(() => listener.close())
  listener.onerror = (error) => errors.push(error)
  listener.onrefused = ({ reason }) => errors.push(new Error(reason))
  listener.onconnection = (connection) => void connection.start()
  await listener.start()
  return { path, listener, errors }
}

const withToken = (token: string) => ({
  headers: async () => ({ Authorization: `Bearer ${token}`, 'X-Ray': 'yes' }),
})

describe('a gate', () => {
  test('receives a handshake without a remote address', async () => {
    const seen: Handshake[] = []
    const gate: Gate = {
      admit: (handshake) => {
        seen.push(handshake)
        return { admit: true }
      },
    }
    const { path } = await listening({ gate })
    const client = unixClient({ path })
    onTestFinished(() => client.close())
    await client.start()
    await until(() => seen.length === 1, 'the gate was called', TIMEOUT_MS)

    expect(seen).toEqual([{ medium: 'unix', scheme: 'unix', remote: {}, headers: {} }])
    expect(client.peer).toEqual({ medium: 'unix', address: `unix:${path}` })
  })

  test('that refuses sends its reason to the client', async () => {
    const { path, errors } = await listening({
      gate: { admit: () => ({ admit: false, status: 429, reason: 'not today', retryAfterMs: 500 }) },
    })
    const client = unixClient({ path })
    await client.start()

    expect(await client.closed).toMatchObject({
      code: 'REFUSED',
      details: { status: 429, retryAfterMs: 500 },
      message: expect.stringContaining('not today'),
    })
    expect(errors.every((error) => !error.message.includes(TOKEN))).toBe(true)
  })

  test.each([localOnly()])('localOnly() admits clients of a Unix socket', async (gate) => {
    const { path, listener } = await listening({ gate })
    const client = unixClient({ path })
    onTestFinished(() => client.close())
    await client.start()

    await until(() => listener.connections.size === 1, 'the client was admitted', TIMEOUT_MS)
  })
})

describe('a preamble', () => {
  test('sends its headers to the gate, with a new call for each connection', async () => {
    const seen: Handshake[] = []
    const gate: Gate = {
      admit: (handshake, signal) => {
        seen.push(handshake)
        return bearer.admit(handshake, signal)
      },
    }
    const { path, listener } = await listening({ gate, preamble: {} })
    for (let count = 1; count <= 2; count++) {
      const client = unixClient({ path, preamble: withToken(TOKEN) })
      await client.start()
      await until(() => listener.connections.size === 1, 'the client was admitted', TIMEOUT_MS)
      const [connection] = listener.connections
      expect(connection?.peer).toMatchObject({ medium: 'unix', authInfo: { clientId: 'alice' } })
      await client.close()
      await until(() => listener.connections.size === 0, 'the connection has ended', TIMEOUT_MS)
    }

    expect(seen.map(({ headers }) => ({ ...headers }))).toEqual([
      { authorization: `Bearer ${TOKEN}`, 'x-ray': 'yes' },
      { authorization: `Bearer ${TOKEN}`, 'x-ray': 'yes' },
    ])
  })

  test.each([
    ['v1', 'v1'],
    ['v2', 'v2'],
    ['v2', 'v2, both eras'],
    ['v2, negotiating', 'v2, both eras'],
  ] as [ClientName, ServerName][])(
    'gives the handlers of a server the authInfo of the client (%s, %s)',
    async (client, server) => {
      const path = join(await temporaryFolder(), 'server')
      const listener = await serve(unixServer({ path, gate: bearer, preamble: {} }), servers[server])
      onTestFinished(() => listener.close())
      const official = clients[client]()
      await official.connect(unixClient({ path, preamble: withToken(TOKEN) }))

      expect(await call(official, 'whoami')).toBe('alice')
      await official.close()
    },
  )

  test('with a wrong token ends with AUTH_REQUIRED and does not repeat the token', async () => {
    const { path, errors } = await listening({ gate: bearer, preamble: {} })
    const client = unixClient({ path, preamble: withToken('wrong-token') })
    await client.start()
    const reason = await client.closed

    expect(reason).toMatchObject({ code: 'AUTH_REQUIRED', details: { status: 401 } })
    expect(`${reason} ${errors.join()}`).not.toContain('token-')
    expect(`${reason} ${errors.join()}`).not.toContain('wrong-token')
  })

  test('that is missing, too long or not JSON is refused, and the next client is served', async () => {
    const { path, listener, errors } = await listening({ gate: bearer, preamble: { maxBytes: 256 } })
    for (const text of [
      '{"jsonrpc":"2.0","method":"x"}\n',
      '{hello\n',
      `{"mcpwire":1,"headers":{"x":"${'x'.repeat(300)}"}}\n`,
      `{${'x'.repeat(300)}`,
      '{"mcpwire":1,"headers":null}\n',
    ]) {
      const socket = await plainSocket(path)
      const received: string[] = []
      const ended = new Promise((resolve) => socket.once('end', resolve))
      socket.on('data', (chunk) => received.push(String(chunk)))
      socket.write(text)
      await ended
      expect(received.join(''), text).toContain('-31007')
    }
    const client = unixClient({ path, preamble: withToken(TOKEN) })
    onTestFinished(() => client.close())
    await client.start()

    await until(() => listener.connections.size === 1, 'the client was admitted', TIMEOUT_MS)
    expect(errors).toHaveLength(5)
  })

  test('that does not arrive in time is refused', async () => {
    const { path } = await listening({ gate: bearer, preamble: { timeoutMs: 20 } })
    const socket = await plainSocket(path)
    const received: string[] = []
    const ended = new Promise((resolve) => socket.once('end', resolve))
    socket.on('data', (chunk) => received.push(String(chunk)))
    await ended

    expect(received.join('')).toContain('preamble.timeoutMs')
  })

  test('may share a write with the first message', async () => {
    const { path, listener } = await listening({ gate: bearer, preamble: {} })
    const received: unknown[] = []
    listener.onconnection = (connection) => {
      connection.onmessage = (message) => received.push(message)
      void connection.start()
    }
    const socket = await plainSocket(path)
    const headers = { authorization: `Bearer ${TOKEN}` }
    const message = { jsonrpc: '2.0', method: 'x' }
    socket.write(`${JSON.stringify({ mcpwire: 1, headers })}\n${JSON.stringify(message)}\n`)

    await until(() => received.length === 1, 'the message arrived', TIMEOUT_MS)
    expect(received).toEqual([message])
  })
})
