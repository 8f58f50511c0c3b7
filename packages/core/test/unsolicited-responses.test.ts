import { describe, expect, it } from 'vitest'
import { JsonRpcMessageReader } from '../src/authoring.js'
import type { JsonRpcMessage } from '../src/index.js'

function reading(maxUnsolicitedInARow?: number) {
  const messages: JsonRpcMessage[] = []
  const reasons: Error[] = []
  const errors: Error[] = []
  const sink = {
    message: (message: JsonRpcMessage) => void messages.push(message),
    error: (error: Error) => void errors.push(error),
    end: () => {},
  }
  const abandon = (error: Error) => void reasons.push(error)
  const reader = new JsonRpcMessageReader(sink, { address: 'tcp://peer', abandon, maxUnsolicitedInARow })
  return { reader, messages, reasons, errors }
}

const result = (id: number | string): string => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`
const notification = '{"jsonrpc":"2.0","method":"x"}'

describe('responses to no pending request', () => {
  it('end the conversation when there are too many in a row', () => {
    const { reader, messages, reasons } = reading(100)
    for (let id = 0; id < 200; id++) reader.text(result(id))
    expect(messages).toHaveLength(99)
    expect(reasons).toMatchObject([{ code: 'MALFORMED_MESSAGE' }])
  })

  it.each([
    ['a notification', notification],
    ['a request', '{"jsonrpc":"2.0","id":1,"method":"x"}'],
    ['an error without an id', '{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}'],
  ])('are allowed between messages: %s', (_what, text) => {
    const { reader, reasons, errors } = reading(100)
    for (let id = 0; id < 1_000; id++) {
      if (id % 90 === 0) reader.text(text)
      reader.text(result(`r${id}`))
    }
    expect([...reasons, ...errors]).toEqual([])
  })

  it('do not count where a request is pending', () => {
    const { reader, reasons } = reading(100)
    for (let id = 0; id < 1_000; id++) {
      reader.sent({ jsonrpc: '2.0', id, method: 'x' })
      reader.text(result(id))
    }
    expect(reasons).toEqual([])
  })

  it('are the late responses of cancelled requests, which are no error', () => {
    const { reader, messages, reasons, errors } = reading(10_000)
    for (let id = 0; id < 5_000; id++) {
      reader.sent({ jsonrpc: '2.0', id, method: 'x' })
      reader.sent({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })
    }
    for (let id = 0; id < 5_000; id++) reader.text(result(id))
    expect(messages).toHaveLength(5_000)
    expect([...reasons, ...errors]).toEqual([])
  })
})
