import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it } from 'vitest'
import { errorDataOf, type Peer, pipe, TransportError } from '../src/index.js'
import { request } from './support/messages.js'
import { scriptedTransport } from './support/scripted-transport.js'

/** A pipe whose client side has this medium. */
async function piped(medium: string): Promise<{
  readonly a: ReturnType<typeof scriptedTransport>
  readonly b: ReturnType<typeof scriptedTransport>
}> {
  const peer: Peer = { medium, address: `${medium}:client` }
  const a = Object.assign(scriptedTransport(), { peer })
  const b = scriptedTransport()
  pipe(a, b)
  await settled()
  return { a, b }
}

const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
const lost = new TransportError(
  'PEER_LOST',
  'lost tcp://10.0.0.7:1',
  { address: 'a', hint: 'look' },
  { cause },
)
const unsent = new TransportError('SEND_FAILED', 'cannot send to tcp://10.0.0.7:1', { delivery: 'none' })
const unknown = new TransportError('SEND_FAILED', 'cannot send to tcp://10.0.0.7:1', { delivery: 'unknown' })
const tooLarge = new TransportError('MESSAGE_TOO_LARGE', 'too large', { bytes: 2, maxMessageBytes: 1 })

const network = ['tcp', 'unix', 'ws', 'http', 'memory']

describe('the error of a request that a pipe cannot forward', () => {
  it.each([
    [lost, -31_002, { code: 'PEER_LOST', cause: 'ECONNRESET' }],
    [unsent, -31_002, { code: 'SEND_FAILED', delivery: 'none' }],
    [unknown, -31_002, { code: 'SEND_FAILED', delivery: 'unknown' }],
    [tooLarge, -31_010, { code: 'MESSAGE_TOO_LARGE', delivery: 'none' }],
  ])('has the whole reason for the own client: %s', async (failure, code, data) => {
    const { a, b } = await piped('stdio')
    b.answer = () => Promise.reject(failure)
    a.onmessage?.(request(1))
    await settled()
    expect(a.sent.at(-1)?.message).toMatchObject({
      id: 1,
      error: { code, message: expect.stringContaining(failure.message), data },
    })
  })

  it.each(network)('has no text and no hint for a caller over %s', async (medium) => {
    const { a, b } = await piped(medium)
    b.answer = () => Promise.reject(lost)
    a.onmessage?.(request(1))
    await settled()
    const data = { code: 'PEER_LOST', cause: 'ECONNRESET' }
    expect(a.sent.at(-1)?.message).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -31_002, message: 'upstream lost', data },
    })
  })
})

describe('an error response of the upstream client', () => {
  const response = {
    jsonrpc: '2.0',
    id: 1,
    error: {
      code: -31_006,
      message: 'outcome unknown: http://10.0.0.7/ responded with status 200',
      data: { code: 'OUTCOME_UNKNOWN', delivery: 'unknown', hint: 'check option "url"' },
    },
  } as const

  it('reaches the own client unchanged', async () => {
    const { a, b } = await piped('stdio')
    a.onmessage?.(request(1))
    b.onmessage?.(response)
    await settled()
    expect(a.sent.at(-1)?.message).toBe(response)
  })

  it.each(network)('reaches a caller over %s without text and hint', async (medium) => {
    const { a, b } = await piped(medium)
    a.onmessage?.(request(1))
    b.onmessage?.(response)
    await settled()
    expect(a.sent.at(-1)?.message).toEqual({
      ...response,
      error: {
        code: -31_006,
        message: 'outcome unknown',
        data: { code: 'OUTCOME_UNKNOWN', delivery: 'unknown' },
      },
    })
  })

  it.each(network)(
    'reaches a caller over %s unchanged where it is an error of the server',
    async (medium) => {
      const { a, b } = await piped(medium)
      const own = {
        ...response,
        error: { code: -32_602, message: 'no such tool', data: { hint: 'list them' } },
      }
      a.onmessage?.(request(1))
      b.onmessage?.(own)
      await settled()
      expect(a.sent.at(-1)?.message).toBe(own)
    },
  )
})

describe('the end of the upstream', () => {
  it.each(['stdio', 'tcp'])('reports over %s which requests may have run', async (medium) => {
    const { a, b } = await piped(medium)
    const ended = Object.assign(b, { closed: Promise.resolve(lost) })
    a.onmessage?.(request(1))
    ended.onclose?.()
    await settled()
    const last = a.sent.at(-1)?.message
    expect(errorDataOf(last && 'error' in last ? last.error : undefined)).toMatchObject({
      code: 'PEER_LOST',
      delivery: 'unknown',
    })
  })
})

it('refuses a request whose id is in use, once, and forwards the response to the first', async () => {
  const { a, b } = await piped('stdio')
  a.onmessage?.(request(1))
  a.onmessage?.(request(1))
  b.onmessage?.({ jsonrpc: '2.0', id: 1, result: {} })
  await settled()
  expect(b.sent.filter(({ message }) => 'method' in message)).toHaveLength(1)
  expect(a.sent.map(({ message }) => message)).toMatchObject([
    { id: 1, error: { code: -32_600, data: { code: 'MALFORMED_MESSAGE', delivery: 'none' } } },
    { id: 1, result: {} },
  ])
})
