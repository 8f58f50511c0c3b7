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
  'a client of SDK %s takes the last word of a peer for a stray response, and goes on',
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
    const said = encodeCloseReason(tooLargeToAccept(9, 8, 'tcp://here:1'), 'tcp://here:1') ?? ''
    await far.send(JSON.parse(said) as JsonRpcMessage)
    await client.ping()

    expect(errors).toHaveLength(1)
    await client.close()
  },
)

describe('a peer is told what is about itself', () => {
  const here = 'tcp://127.0.0.1:1'
  const said = (reason: Error): unknown => JSON.parse(encodeCloseReason(reason, here) ?? 'null')?.error

  it('with the figures that go with it', () => {
    expect(said(tooLargeToAccept(9, 8, here))).toMatchObject({
      message: expect.stringContaining(here),
      data: { code: 'MESSAGE_TOO_LARGE', bytes: 9, maxMessageBytes: 8 },
    })
  })

  it('and nothing of an upstream, nor of what that said', () => {
    const upstream = 'tcp://10.0.0.7:4000'
    const preview = 'db-password=hunter2'
    for (const reason of [
      tooLargeToAccept(9, 8, upstream),
      new TransportError('MALFORMED_MESSAGE', `10 malformed messages in a row from ${upstream}`, { preview }),
      new TransportError('PEER_LOST', `lost ${upstream}`, { address: upstream }),
    ])
      expect(said(reason)).toEqual({ code: -31_008, message: 'internal error' })
    const own = new TransportError('MALFORMED_MESSAGE', `skipped what ${here} sent`, { preview })
    expect(JSON.stringify(said(own))).not.toContain(preview)
  })
})
