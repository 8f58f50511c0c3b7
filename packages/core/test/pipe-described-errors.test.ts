import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it } from 'vitest'
import { type Peer, pipe, TransportError } from '../src/index.js'
import { request } from './support/messages.js'
import { scriptedPipe, sentOn } from './support/pipes.js'
import { scriptedTransport } from './support/scripted-transport.js'

const lost = new TransportError('PEER_LOST', 'lost secret:1', { address: 'secret:1' })
const refused = new TransportError('CONNECT_FAILED', 'cannot connect to secret:1', { address: 'secret:1' })
const unknown = new TransportError('SEND_FAILED', 'cannot send to secret:1', { delivery: 'unknown' })

/** A pipe whose client side is the own client. */
async function ownPipe(describeError: (error: Error) => string) {
  const peer: Peer = { medium: 'stdio', address: 'stdio:host' }
  const a = Object.assign(scriptedTransport(), { peer })
  const b = scriptedTransport()
  const piped = pipe(a, b, { describeError })
  await settled()
  return { a, b, piped }
}

describe('the error response of a pipe', () => {
  it.each([
    ['PEER_LOST', lost, -31_002, undefined],
    ['CONNECT_FAILED', refused, -31_002, 'none'],
    ['SEND_FAILED', unknown, -31_002, 'unknown'],
    [
      'OVERLOADED',
      new TransportError('OVERLOADED', 'full', { queuedBytes: 2, maxQueuedBytes: 1 }),
      -31_003,
      'none',
    ],
    ['CLOSED', new TransportError('CLOSED', 'closed', undefined), -31_002, 'unknown'],
  ])('a request that fails with %s has its delivery, and no text', async (code, error, number, delivery) => {
    const { a, b } = await scriptedPipe()
    b.answer = () => Promise.reject(error)
    a.onmessage?.(request(1))
    await settled()
    const [response] = sentOn(a)
    expect(response).toMatchObject({ id: 1, error: { code: number, data: { code } } })
    expect((response as { error: { data: { delivery?: string } } }).error.data.delivery).toBe(delivery)
    expect(JSON.stringify(response)).not.toContain('secret')
  })

  it('a request that was sent before the end may have run', async () => {
    const { a, b, piped } = await scriptedPipe()
    a.onmessage?.(request(1))
    await settled()
    b.onclose?.()
    await piped.closed
    expect(sentOn(a)).toMatchObject([{ id: 1, error: { data: { code: 'CLOSED', delivery: 'unknown' } } }])
  })

  it('describeError adds a text to the responses of a, and to none of b', async () => {
    const { a, b, piped } = await ownPipe(({ message }) => `because ${message}`)
    b.answer = () => Promise.reject(unknown)
    a.answer = () => Promise.reject(unknown)
    a.onmessage?.(request(1))
    b.onmessage?.(request(2, 'ping'))
    await settled()
    expect(sentOn(a)).toContainEqual(
      expect.objectContaining({
        error: expect.objectContaining({ message: 'upstream lost: because cannot send to secret:1' }),
      }),
    )
    expect(sentOn(b)).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ message: 'upstream lost' }) }),
    )
    await piped.close()
  })

  it('a describeError that throws leaves the message of the error', async () => {
    const describeError = (): never => {
      throw new Error('no text')
    }
    const { a, b } = await ownPipe(describeError)
    b.answer = () => Promise.reject(unknown)
    a.onmessage?.(request(1))
    await settled()
    expect(sentOn(a)).toMatchObject([
      { id: 1, error: { message: expect.stringContaining('cannot send to secret:1') } },
    ])
  })
})
