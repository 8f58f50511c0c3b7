import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { until } from '@mcpwire/compliance'
import type { Gate } from '@mcpwire/core'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { Client } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { anyOf, bearer, TokenError } from '../src/index.js'
import { apiKey, apiKeyFile } from '../src/node/index.js'
import { wires } from './support/wires.js'

const TIMEOUT_MS = 30_000
const KEY = 'planted-key-0123456789abcdef'
const OTHER = 'planted-other-0123456789abcdef'
const all = { depth: 10, showHidden: true }

const keyFile = async (): Promise<Gate> => {
  const path = join(await temporaryFolder(), 'keys')
  await writeFile(path, `ci ${KEY}\n`, { mode: 0o600 })
  const gate = apiKeyFile(path)
  onTestFinished(() => gate[Symbol.dispose]())
  return gate
}

const gates: readonly (readonly [string, () => Gate | Promise<Gate>])[] = [
  ['apiKey', () => apiKey({ ci: KEY }, { acceptBearer: true })],
  ['apiKeyFile', keyFile],
  [
    'anyOf',
    () =>
      anyOf(
        bearer({
          verify: (token) => {
            throw new TokenError('invalid_token', `unknown: ${token}`)
          },
        }),
        apiKey({ ci: KEY }),
      ),
  ],
]

describe.each(gates)('a key of %s', (_name, gateOf) => {
  test.each(wires)('appears nowhere over $name', async ({ serve }) => {
    const gate = await gateOf()
    const { listener, client, connections, refused, errors } = await serve(gate)
    const ours = new Client({ name: 'test', version: '1' })
    await ours.connect(client({ headers: { 'x-api-key': KEY } }))
    const refusal = await new Client({ name: 'test', version: '1' })
      .connect(client({ headers: { 'x-api-key': OTHER, authorization: `Bearer ${OTHER}` } }))
      .catch((error: unknown) => error)
    await until(() => refused.length > 0, 'the refusal is reported', TIMEOUT_MS)
    expect(refusal).toBeInstanceOf(Error)
    for (const value of [gate, connections[0]?.peer, refused, errors, refusal])
      expect(inspect(value, all)).not.toMatch(/planted/)
    expect(inspect(listener)).not.toMatch(/planted/)
    expect(JSON.stringify([connections[0]?.peer, refused])).not.toMatch(/planted/)
  })
})

describe('a key in a subprotocol of WebSocket, as pages send it', () => {
  test('admits its caller and is not sent back', async () => {
    const gate = apiKey({ page: KEY }, { acceptBearer: true })
    const listener = wsServer({ port: 0, gate, tokenInSubprotocol: true })
    onTestFinished(() => listener.close())
    const names: (string | undefined)[] = []
    listener.onconnection = (connection) => {
      names.push(connection.peer?.authInfo?.clientId)
      void connection.start()
    }
    await listener.start()
    const encoded = Buffer.from(KEY).toString('base64url')
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
    })
    const lines = [
      'GET /mcp HTTP/1.1',
      'host: 127.0.0.1',
      'connection: Upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
      `sec-websocket-protocol: mcp, mcp.bearer.${encoded}`,
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    await until(() => head.includes('\r\n\r\n'), 'there is a response', TIMEOUT_MS)
    expect(head).toMatch(/^HTTP\/1\.1 101 [\s\S]*sec-websocket-protocol: mcp\r\n/i)
    expect(head).not.toContain(encoded)
    await until(() => names.length > 0, 'the caller is admitted', TIMEOUT_MS)
    expect(names).toEqual(['page'])
  })

  test('is that of option tokenInSubprotocol of the client', async () => {
    const gate = apiKey({ page: KEY }, { acceptBearer: true })
    const listener = wsServer({ port: 0, gate, tokenInSubprotocol: true })
    onTestFinished(() => listener.close())
    listener.onconnection = (connection) => void connection.start()
    await listener.start()
    for (const [tokenInSubprotocol, isAdmitted] of [
      [KEY, true],
      [OTHER, false],
    ] as const) {
      const transport = wsClient({ url: listener.url, tokenInSubprotocol })
      onTestFinished(() => transport.close())
      const outcome = await transport.start().then(
        () => true,
        () => false,
      )
      expect(outcome).toBe(isAdmitted)
    }
  })
})
