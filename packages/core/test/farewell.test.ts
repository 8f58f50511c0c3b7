import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { expect, test } from 'vitest'
import { type JsonRpcMessage, memoryPair, peer, type TransportLike, tooLargeToAccept } from '../src/index.js'
import { farewell } from '../src/node/farewell.js'

const identity = { name: 'test', version: '1' }

test.each([
  ['v1', new ClientV1(identity)],
  ['v2', new ClientV2(identity)],
] as const)(
  'a client of SDK %s takes the last word of a peer for a stray response, and goes on',
  async (_version, client) => {
    const [near, far] = memoryPair()
    const initialize = (params?: Record<string, unknown>) => ({
      protocolVersion: params?.['protocolVersion'],
      capabilities: {},
      serverInfo: identity,
    })
    await peer(far, { requests: { initialize, ping: () => ({}) }, onnotification: () => {} }).start()
    await client.connect(near as TransportLike as never)
    const errors: Error[] = []
    client.onerror = (error) => errors.push(error)
    const said = farewell(tooLargeToAccept(9, 8, 'tcp://here:1')) ?? ''
    await far.send(JSON.parse(said) as JsonRpcMessage)
    await client.ping()

    expect(errors).toHaveLength(1)
    await client.close()
  },
)
