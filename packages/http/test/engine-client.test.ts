import { isResponse, type JsonRpcMessage, type JsonRpcRequest, type Transport } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { EngineSettings } from '../src/engines/engine.js'
import { httpClient } from '../src/index.js'
import { eventually } from './support/engine-calls.js'
import { credentials, type EngineKind, engineKinds } from './support/engine-kinds.js'
import { connectProxy } from './support/engine-proxy.js'
import { initialize, type Served, served } from './support/served.js'

const { ca, server: own } = credentials
const TLS = { ...own, ca }

/** A client with the messages it received. */
interface ReceivingClient {
  readonly transport: Transport
  readonly messages: JsonRpcMessage[]
  send(method: string): Promise<void>
  response(): Promise<JsonRpcMessage>
}

async function connectedClient(
  { address }: Served,
  kind: EngineKind,
  options: object,
): Promise<ReceivingClient> {
  const transport = httpClient({ url: address, endSessionOnClose: false, ...kind.chosenBy, ...options })
  onTestFinished(() => transport.close())
  const messages: JsonRpcMessage[] = []
  transport.onmessage = (message) => messages.push(message)
  const responseTo = async (id: JsonRpcRequest['id']): Promise<JsonRpcMessage> => {
    const find = (): JsonRpcMessage | undefined => messages.find((each) => isResponse(each) && each.id === id)
    await eventually(() => find() !== undefined, `${id} has a response`)
    return find() as JsonRpcMessage
  }
  await transport.start()
  await transport.send(initialize())
  await responseTo('init')
  transport.setProtocolVersion?.('2025-11-25')
  await transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return {
    transport,
    messages,
    send: (method) => transport.send({ jsonrpc: '2.0', id: 1, method }),
    response: () => responseTo(1),
  }
}

/** The rejection of an option that the engine does not support. */
function expectRejected(option: string, kind: EngineKind, options: Partial<EngineSettings>): void {
  const create = (): unknown => httpClient({ url: 'https://127.0.0.1:1/mcp', ...kind.chosenBy, ...options })
  expect(create).toThrow(expect.objectContaining({ details: { option } }))
}

describe.each(engineKinds)('a client over $name', (kind) => {
  test('receives JSON responses', async () => {
    const server = await served({ responseFormat: 'json' })
    const client = await connectedClient(server, kind, kind.plain())

    await client.send('test/echo')

    expect(await client.response()).toMatchObject({ result: { of: 'test/echo' } })
  })

  test('receives events as they arrive, those of a request and those of the server', async () => {
    let request: JsonRpcRequest | undefined
    const server = await served({ responseFormat: 'sse' }, (open, connection) => {
      request = open
      const progress = { jsonrpc: '2.0', method: 'notifications/related' } as const
      connection.send(progress, { relatedRequestId: open.id }).catch((error) => server.errors.push(error))
      return undefined
    })
    const client = await connectedClient(server, kind, kind.plain())
    const has = (method: string) => () =>
      client.messages.some((each) => 'method' in each && each.method === method)

    await client.send('test/hold')
    await eventually(has('notifications/related'), 'an event of a stream whose response is due')
    const [connection] = server.connections
    await connection?.send({ jsonrpc: '2.0', method: 'notifications/unrelated' })
    await eventually(has('notifications/unrelated'), 'an event of the standalone stream')
    await connection?.send({ jsonrpc: '2.0', id: request?.id ?? 0, result: {} })

    expect(await client.response()).toMatchObject({ result: {} })
    expect(server.errors).toEqual([])
  })

  test('closes the connection of a cancelled request', async () => {
    const server = await served({ responseFormat: 'sse', onDisconnect: 'cancel' }, () => undefined)
    const client = await connectedClient(server, kind, kind.plain())
    const received = (method: string) => (): boolean =>
      server.messages.some((each) => 'method' in each && each.method === method)
    const sending = client.send('test/hold').catch(() => {})
    await eventually(received('test/hold'), 'the request is at the server')

    await client.transport.close()

    await eventually(received('notifications/cancelled'), 'the server saw the connection close')
    await sending
  })

  test('sends a client certificate, or rejects option tls', async () => {
    const { mutualTls } = kind
    if ('refused' in mutualTls) {
      expectRejected('tls', kind, mutualTls.refused)
      return
    }
    const server = await served({ tls: TLS }, ({ id }, connection) => {
      return { jsonrpc: '2.0', id, result: { caller: connection.peer?.tls?.subject } }
    })
    const client = await connectedClient(server, kind, mutualTls.with())

    await client.send('test/caller')

    expect(await client.response()).toMatchObject({ result: { caller: 'CN=alice' } })
  })

  test('uses a proxy, or rejects option proxy', async () => {
    const { proxied } = kind
    if ('refused' in proxied) {
      expectRejected('proxy', kind, proxied.refused)
      return
    }
    await using proxy = await connectProxy()
    const server = await served({ tls: TLS })
    const client = await connectedClient(server, kind, proxied.with(proxy.port))

    await client.send('test/echo')

    expect(await client.response()).toMatchObject({ result: { of: 'test/echo' } })
    expect(proxy.requests.length).toBeGreaterThan(0)
    expect(new Set(proxy.requests.map(({ target }) => target))).toEqual(new Set([`127.0.0.1:${server.port}`]))
    await client.transport.close()
  })
})
