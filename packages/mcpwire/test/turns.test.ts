import { join } from 'node:path'
import { type JsonRpcMessage, type Listener, systemClock, type Transport } from '@mcpwire/core'
import { stdioClient } from '@mcpwire/stdio'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { unixClient, unixServer } from '@mcpwire/unix'
import { wsClient } from '@mcpwire/ws'
import { wsServer } from '@mcpwire/ws/node'
import { describe, expect, it, onTestFinished } from 'vitest'

const COUNT = 2_000

const wires: Readonly<Record<string, () => Promise<{ listener: Listener; dial: () => Transport }>>> = {
  tcp: async () => {
    const listener = tcpServer({ port: 0 })
    await listener.start()
    return { listener, dial: () => tcpClient({ port: Number(new URL(listener.url).port) }) }
  },
  unix: async () => {
    const path = join(await temporaryFolder(), 'socket')
    const listener = unixServer({ path })
    await listener.start()
    return { listener, dial: () => unixClient({ path }) }
  },
  ws: async () => {
    const listener = wsServer({ port: 0 })
    await listener.start()
    return { listener, dial: () => wsClient({ url: listener.url }) }
  },
}

function busyFor(ms: number): void {
  const end = systemClock.now() + ms
  while (systemClock.now() < end);
}

/** A listener with two clients. Each message of the first takes some time to handle. */
async function served(name: string, busyMs: number) {
  const wire = await wires[name]?.()
  if (!wire) throw new Error(`no wire ${name}`)
  const { listener, dial } = wire
  onTestFinished(() => listener.close())
  const handled: unknown[] = []
  listener.onconnection = (connection) => {
    connection.onmessage = (message) => {
      if ('method' in message && message.method === 'flood') {
        handled.push(message.params?.['n'])
        busyFor(busyMs)
      } else if ('id' in message) {
        // How much of the flood was handled before this request.
        const response = { jsonrpc: '2.0', id: message.id ?? 0, result: { handled: handled.length } } as const
        void connection.send(response)
      }
    }
    connection.start().catch(() => {})
  }
  const clients = [dial(), dial()] as const
  for (const client of clients) {
    onTestFinished(() => client.close())
    await client.start()
  }
  return { flooder: clients[0], other: clients[1], handled }
}

const flood = (n: number, text = ''): JsonRpcMessage => ({
  jsonrpc: '2.0',
  method: 'flood',
  params: { n, text },
})

async function handledBefore(client: Transport): Promise<number> {
  const response = new Promise<JsonRpcMessage>((resolve) => {
    client.onmessage = resolve
  })
  await client.send({ jsonrpc: '2.0', id: 'ask', method: 'ping' })
  const message = await response
  return 'result' in message ? Number(message.result['handled']) : Number.NaN
}

describe.each(Object.keys(wires))('a flood over one %s connection', (name) => {
  it.each([
    ['many small messages in one chunk', COUNT, '', 0.2],
    ['large messages', 60, 'x'.repeat(200_000), 5],
  ])('delays no other connection by more than a part of it: %s', async (_what, count, text, busyMs) => {
    const { flooder, other, handled } = await served(name, busyMs)
    for (let n = 0; n < count; n++) void flooder.send(flood(n, text))
    // The other connection asks again and again while the flood lasts.
    const seen: number[] = []
    while (handled.length < count) seen.push(await handledBefore(other))
    const steps = seen.map((at, index) => at - (seen[index - 1] ?? 0))
    expect(Math.max(...steps)).toBeLessThan(count / 3)
    expect(handled).toEqual(Array.from({ length: count }, (_, n) => n))
  })
})

it('a flood of blank lines of a child delays the event loop by short times only', async () => {
  const code = `process.stdout.write('\\n'.repeat(8_000_000) + '{"jsonrpc":"2.0","method":"done"}\\n')`
  const transport = stdioClient({ command: process.execPath, args: ['-e', code], stderr: 'ignore' })
  onTestFinished(() => transport.close())
  let turns = 0
  let isDone = false
  transport.onmessage = () => {
    isDone = true
  }
  await transport.start()
  while (!isDone && transport.state === 'open') {
    turns++
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(isDone).toBe(true)
  expect(turns).toBeGreaterThan(20)
})

it('a message in a paused rest arrives after resume(), before the end', async () => {
  const { listener, dial } = (await wires['tcp']?.()) ?? {}
  if (!listener || !dial) throw new Error('no tcp')
  onTestFinished(() => listener.close())
  const received: unknown[] = []
  const ended = new Promise<Error | undefined>((resolve) => {
    listener.onconnection = (connection) => {
      connection.onmessage = (message) => {
        received.push('params' in message && message.params?.['n'])
        busyFor(0.2)
        if (received.length === 100) {
          connection.flow?.pause()
          setTimeout(() => connection.flow?.resume(), 20)
        }
      }
      void connection.closed.then(resolve)
      connection.start().catch(() => {})
    }
  })
  const client = dial()
  await client.start()
  await Promise.all(Array.from({ length: COUNT }, (_, n) => client.send(flood(n))))
  await client.close()
  expect(await ended).toBeUndefined()
  expect(received).toEqual(Array.from({ length: COUNT }, (_, n) => n))
})
