import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, it, test } from 'vitest'
import { tooLargeToAccept } from '../src/authoring.js'
import { type JsonRpcMessage, memoryPair, peer, TransportError, type TransportLike } from '../src/index.js'
import { encodeCloseReason } from '../src/node/close-reason.js'

const identity = { name: 'test', version: '1' }

test.each([
  ['v1', new ClientV1(identity)],
  ['v2', new ClientV2(identity)],
] as const)(
  'a client of SDK %s reports a close reason as an unmatched response and continues',
  async (_version, client) => {
    const [near, far] = memoryPair()
    const initialize = (params?: Record<string, unknown>) => ({
      protocolVersion: params?.['protocolVersion'],
      capabilities: {},
      serverInfo: identity,
    })
    await peer(far, { requests: { initialize, ping: () => ({}) }, onNotification: () => {} }).start()
    await client.connect(near as TransportLike as never)
    const errors: Error[] = []
    client.onerror = (error) => errors.push(error)
    const line = encodeCloseReason(tooLargeToAccept(9, 8, 'tcp://here:1'), 'tcp://here:1') ?? ''
    await far.send(JSON.parse(line) as JsonRpcMessage)
    await client.ping()

    expect(errors).toHaveLength(1)
    await client.close()
  },
)

describe('encodeCloseReason()', () => {
  const here = 'tcp://127.0.0.1:1'
  const errorOf = (reason: Error): unknown => JSON.parse(encodeCloseReason(reason, here) ?? 'null')?.error

  it('includes the numbers of the reason', () => {
    expect(errorOf(tooLargeToAccept(9, 8, here))).toMatchObject({
      message: expect.stringContaining(here),
      data: { code: 'MESSAGE_TOO_LARGE', bytes: 9, maxMessageBytes: 8 },
    })
  })

  it('does not include details of an upstream or a preview', () => {
    const upstream = 'tcp://10.0.0.7:4000'
    const preview = 'db-password=hunter2'
    for (const reason of [
      tooLargeToAccept(9, 8, upstream),
      new TransportError('MALFORMED_MESSAGE', `10 malformed messages in a row from ${upstream}`, { preview }),
      new TransportError('PEER_LOST', `lost ${upstream}`, { address: upstream }),
    ])
      expect(errorOf(reason)).toEqual({ code: -31_008, message: 'internal error' })
    const own = new TransportError('MALFORMED_MESSAGE', `skipped what ${here} sent`, { preview })
    expect(JSON.stringify(errorOf(own))).not.toContain(preview)
  })
})
