import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { expect, it, vi } from 'vitest'
import { isRequest, memoryPair, type Transport } from '../src/index.js'

/** A server that sends three progress notifications and the result in one microtask. */
async function hastyServer(transport: Transport): Promise<void> {
  transport.onmessage = (message) => {
    if (!isRequest(message)) return
    const { id, method, params } = message
    if (method === 'initialize') {
      const result = {
        protocolVersion: params?.['protocolVersion'],
        capabilities: { tools: {} },
        serverInfo: { name: 'hasty', version: '1.0.0' },
      }
      void transport.send({ jsonrpc: '2.0', id, result })
      return
    }
    const progressToken = params?._meta?.progressToken
    for (const progress of [1, 2, 3]) {
      const reported = { progressToken, progress, total: 3 }
      void transport.send({ jsonrpc: '2.0', method: 'notifications/progress', params: reported })
    }
    void transport.send({ jsonrpc: '2.0', id, result: { content: [] } })
  }
  await transport.start()
}

const info = { name: 'test', version: '1.0.0' }

it('delivers all progress directly before the response to a v1 client', async () => {
  const [near, far] = memoryPair()
  await hastyServer(far)
  const client = new ClientV1(info)
  await client.connect(near)
  const onprogress = vi.fn()

  await client.callTool({ name: 'any' }, undefined, { onprogress })

  expect(onprogress.mock.calls.map(([{ progress }]) => progress)).toEqual([1, 2, 3])
  await client.close()
})

it('delivers all progress directly before the response to a v2 client', async () => {
  const [near, far] = memoryPair()
  await hastyServer(far)
  const client = new ClientV2(info)
  await client.connect(near)
  const onprogress = vi.fn()

  await client.callTool({ name: 'any' }, { onprogress })

  expect(onprogress.mock.calls.map(([{ progress }]) => progress)).toEqual([1, 2, 3])
  await client.close()
})
