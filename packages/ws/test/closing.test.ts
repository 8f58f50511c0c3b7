import { createFakeClock, tcpProxy } from '@mcpwire/compliance'
import { isTransportError, type Transport } from '@mcpwire/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type WsClientOptions, wsClient } from '../src/index.js'
import { CLOSE, closeFrame, frame } from './support/frames.js'
import { type RawClient, rawClient, upgradeRequest } from './support/raw-client.js'
import { eventually, serving } from './support/serving.js'

const REQUEST = '{"jsonrpc":"2.0","id":1,"method":"x","params":{}}'

/** A client that keeps its socket open after the close frame. */
async function halfOpenClient(port: number): Promise<RawClient> {
  const client = await rawClient(port, upgradeRequest(port), { allowHalfOpen: true })
  onTestFinished(() => void client.socket.destroy())
  await eventually(() => client.response.status === 101, 'the upgrade')
  return client
}

/** A client whose server has sent a close frame, keeps the socket open and reads nothing. */
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
  const note = { jsonrpc: '2.0', method: 'notifications/x' } as const
  const isRejected = async (): Promise<boolean> =>
    client.send(note).then(
      () => false,
      (error) => isTransportError(error),
    )
  await expect.poll(isRejected).toBe(true)
  return client
}

describe('a peer that sends a close frame and keeps its socket open', () => {
  test('is disconnected by a server after closeTimeoutMs', async () => {
    await using server = await serving({ closeTimeoutMs: 100 })
    const client = await halfOpenClient(server.port)
    client.write(closeFrame(1000))
    await eventually(() => server.connections[0]?.state === 'closed', 'the end')
    expect(await server.connections[0]?.closed).toBeUndefined()
    expect(client.closeFrame?.code).toBe(1000)
  })

  test('is disconnected by a client after closeTimeoutMs', async () => {
    const client = await closedByServer({ closeTimeoutMs: 100 })
    await eventually(() => client.state === 'closed', 'the end')
    expect(await client.closed).toBeUndefined()
  })

  test('ends the conversation without a reason when its pong is missing', async () => {
    const clock = createFakeClock()
    const client = await closedByServer({ closeTimeoutMs: Infinity, clock })
    expect(client.state).toBe('open')
    await clock.advance(20_000)
    expect(await client.closed).toBeUndefined()
  })
})

test('sends no message behind the close frame', async () => {
  await using server = await serving()
  const client = await halfOpenClient(server.port)
  client.write(Buffer.concat([frame(REQUEST), closeFrame(1000)]))
  await eventually(() => server.messages.length === 1, 'the request')
  await eventually(() => client.closeFrame !== undefined, 'the close frame')
  client.socket.end()
  await client.closed
  expect(client.frames.at(-1)?.opcode).toBe(CLOSE)
})
