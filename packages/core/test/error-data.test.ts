import { ProtocolError, SdkError, SdkErrorCode } from '@modelcontextprotocol/client'
import { McpError } from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, it } from 'vitest'
import { errorDataOf, JsonRpcError, TransportError } from '../src/index.js'

const overloaded = new TransportError('OVERLOADED', 'full', { queuedBytes: 2, maxQueuedBytes: 1 })
const refused = new TransportError('REFUSED', 'no', { status: 503, retryAfterMs: 250, hint: 'wait' })
const data = { code: 'SEND_FAILED', delivery: 'none', hint: 'try again', retryAfterMs: 10 } as const

describe('errorDataOf', () => {
  it.each([
    ['a TransportError', refused, { code: 'REFUSED', hint: 'wait', retryAfterMs: 250 }],
    [
      'a failed send',
      new TransportError('SEND_FAILED', 'no', { delivery: 'unknown' }),
      { code: 'SEND_FAILED', delivery: 'unknown' },
    ],
    ['a full queue', overloaded, { code: 'OVERLOADED', delivery: 'none' }],
    ['an error without details', new TransportError('CLOSED', 'over', undefined), { code: 'CLOSED' }],
    [
      'the reason of a closed conversation',
      new TransportError('CLOSED', 'over', undefined, { cause: refused }),
      { code: 'REFUSED', hint: 'wait', retryAfterMs: 250 },
    ],
    [
      'the code of a cause',
      new TransportError('PEER_LOST', 'lost', { address: 'a' }, { cause: { code: 'ECONNRESET' } }),
      { code: 'PEER_LOST', cause: 'ECONNRESET' },
    ],
    ['a JsonRpcError', new JsonRpcError(-31_002, 'lost', data), data],
    ['an McpError of SDK v1', new McpError(-31_002, 'lost', data), data],
    ['a ProtocolError of SDK v2', new ProtocolError(-31_002, 'lost', data), data],
    ['the error member of a response', { code: -31_002, message: 'lost', data }, data],
    [
      'a TransportError that an SdkError of SDK v2 wraps',
      new SdkError(SdkErrorCode.EraNegotiationFailed, 'failed', { cause: overloaded }, { cause: overloaded }),
      { code: 'OVERLOADED', delivery: 'none' },
    ],
    [
      'unknown members, which are left out',
      { data: { ...data, extra: 1, delivery: 'maybe' } },
      without('delivery'),
    ],
  ])('reads %s', (_what, error, expected) => {
    expect(errorDataOf(error)).toEqual(expected)
  })

  it.each([
    ['no error', undefined],
    ['null', null],
    ['a text', 'OVERLOADED'],
    ['another error', new Error('other')],
    ['data without a code', new McpError(-32_000, 'other', { reason: 'x' })],
    ['data with a code of another program', new McpError(-32_000, 'other', { code: 'ENOENT' })],
    ['data with an inherited name as its code', new McpError(-32_000, 'other', { code: 'constructor' })],
    ['a text as data', new McpError(-32_000, 'other', 'REFUSED')],
    ['a circle of causes', circle()],
  ])('is undefined for %s', (_what, error) => {
    expect(errorDataOf(error)).toBeUndefined()
  })
})

function without(name: keyof typeof data): object {
  const { [name]: _left, ...rest } = data
  return rest
}

function circle(): Error {
  const error = new Error('circle')
  error.cause = error
  return error
}
