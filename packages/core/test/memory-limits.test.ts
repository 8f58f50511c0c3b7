import { expect, it } from 'vitest'
import { isTransportError, memoryClient, memoryListener, serve, type Transport } from '../src/index.js'

const long = { jsonrpc: '2.0', method: 'note', params: { text: 'x'.repeat(2000) } } as const

async function connected(limits: { listener?: number; client?: number }): Promise<[Transport, Transport]> {
  const served: Transport[] = []
  const listener = await serve(memoryListener({ maxMessageBytes: limits.listener }), async (connection) => {
    served.push(connection)
    await connection.start()
  })
  const client = memoryClient({ listener, maxMessageBytes: limits.client })
  await client.start()
  return [client, served[0] as Transport]
}

it('ends the conversation when a client sends more than the listener accepts', async () => {
  const [client, connection] = await connected({ listener: 1024 })

  await client.send(long)

  expect(isTransportError(await connection.closed, 'MESSAGE_TOO_LARGE')).toBe(true)
  expect(await client.closed).toBeUndefined()
})

it('rejects a send over the limit of the listener', async () => {
  const [, connection] = await connected({ listener: 1024 })

  await expect(connection.send(long)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
})

it('applies the limits of the client to the client', async () => {
  const [client] = await connected({ client: 1024 })

  await expect(client.send(long)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
})

it('rejects invalid limits of a memory listener', () => {
  expect(() => memoryListener({ maxQueuedBytes: 1 })).toThrow(/maxQueuedBytes/)
})
