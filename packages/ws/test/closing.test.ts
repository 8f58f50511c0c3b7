import { createFakeClock, tcpProxy } from '@mcpwire/compliance'
import { isTransportError, type Transport } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type WsClientOptions, wsClient } from '../src/index.js'
import { CLOSE, closeFrame, frame } from './support/frames.js'
import { type RawClient, rawClient, upgradeRequest } from './support/raw-client.js'
import { eventually, serving } from './support/serving.js'

const ASK = '{"jsonrpc":"2.0","id":1,"method":"x","params":{}}'

/** A caller that hangs up only when it is made to. */
async function lingering(port: number): Promise<RawClient> {
  const client = await rawClient(port, upgradeRequest(port), { allowHalfOpen: true })
  onTestFinished(() => void client.socket.destroy())
  await eventually(() => client.answer.status === 101, 'it was let in')
  return client
}

/** A client whose server closes, but does not hang up and hears nothing any more. */
async function closedByServer(options: Partial<WsClientOptions>): Promise<Transport> {
  const server = await serving()
  const proxy = await tcpProxy({ to: { port: server.port, host: '127.0.0.1' } })
  onTestFinished(async () => {
    await proxy.close()
    await server[Symbol.asyncDispose]()
  })
  const client = wsClient({ url: `ws://127.0.0.1:${proxy.port}/mcp`, ...options })
  await client.start()
  proxy.stall('far')
  proxy.inject('near', closeFrame(1000, '', false))
  const ping = { jsonrpc: '2.0', method: 'notifications/x' } as const
  const isHeard = async (): Promise<boolean> =>
    client.send(ping).then(
      () => false,
      (error) => isTransportError(error),
    )
  await expect.poll(isHeard).toBe(true)
  return client
}

describe('a peer that closes in order and does not hang up', () => {
  test('is hung up on by a server after closeTimeoutMs', async () => {
    await using server = await serving({ closeTimeoutMs: 100 })
    const client = await lingering(server.port)
    client.write(closeFrame(1000))
    await eventually(() => server.connections[0]?.state === 'closed', 'it is over')
    expect(await server.connections[0]?.closed).toBeUndefined()
    expect(client.closeFrame?.code).toBe(1000)
  })

  test('is hung up on by a client after closeTimeoutMs', async () => {
    const client = await closedByServer({ closeTimeoutMs: 100 })
    await eventually(() => client.state === 'closed', 'it is over')
    expect(await client.closed).toBeUndefined()
  })

  test('has closed in order also where it is taken for dead before', async () => {
    const clock = createFakeClock()
    const client = await closedByServer({ closeTimeoutMs: Infinity, clock })
    expect(client.state).toBe('open')
    await clock.advance(20_000)
    expect(await client.closed).toBeUndefined()
  })
})

test('no message leaves behind the close frame', async () => {
  await using server = await serving()
  const client = await lingering(server.port)
  client.write(Buffer.concat([frame(ASK), closeFrame(1000)]))
  await eventually(() => server.messages.length === 1, 'the request was heard')
  await eventually(() => client.closeFrame !== undefined, 'the close frame came')
  client.socket.end()
  await client.closed
  expect(client.frames.at(-1)?.opcode).toBe(CLOSE)
})
