import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineDecoder, JsonRpcMessageReader } from '../src/authoring.js'
import { type JsonRpcMessage, TransportError } from '../src/index.js'
import { request } from './support/messages.js'

const KEPT_END_BYTES = 1024
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('the end of a line that is too long', () => {
  it('is passed on at its line feed, for any chunks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1 }),
        (length, sizes) => {
          const maxLineBytes = 100
          const line = Uint8Array.from({ length }, (_, index) => 97 + (index % 26))
          const input = new Uint8Array([...line, 0x0a, ...bytesOf('next\n')])
          const ends: string[] = []
          const lines: string[] = []
          const decoder = createLineDecoder(
            {
              line: (text) => lines.push(text),
              invalid: () => {},
              oversize: () => ends.push('too long'),
              discarded: (end) => ends.push(new TextDecoder().decode(end)),
            },
            { maxLineBytes },
          )
          for (let at = 0, n = 0; at < input.length; n++) {
            const size = sizes[n % sizes.length] as number
            decoder.push(input.subarray(at, at + size))
            at += size
          }
          const text = new TextDecoder().decode(line)
          expect(ends).toEqual(length > maxLineBytes ? ['too long', text.slice(-KEPT_END_BYTES)] : [])
          expect(lines.at(-1)).toBe('next')
        },
      ),
    )
  })
})

describe('a message that is too long to read', () => {
  const error = new TransportError('MESSAGE_TOO_LARGE', 'too long', { bytes: 2, maxMessageBytes: 1 })

  function reading(onStrayOutput?: (text: string) => void): {
    readonly reader: JsonRpcMessageReader
    readonly messages: JsonRpcMessage[]
    readonly answers: unknown[]
  } {
    const messages: JsonRpcMessage[] = []
    const answers: unknown[] = []
    const sink = { message: (each: JsonRpcMessage) => messages.push(each), error: () => {}, end: () => {} }
    const reader = new JsonRpcMessageReader(sink, {
      address: 'stdio:server',
      abandon: () => {},
      respond: (text) => answers.push(JSON.parse(text)),
      onStrayOutput,
    })
    for (const id of [1, 'a']) reader.sent(request(id))
    return { reader, messages, answers }
  }

  it.each([
    ['{"jsonrpc":"2.0","id":1,"result":{"x":"', 1],
    ['{"id":"a","jsonrpc":"2.0","result":{"x":"', 'a'],
    ['{"jsonrpc":"2.0","id":"1","error":{"code":1,"message":"', 1],
  ])('settles its request by its start %s', (start, id) => {
    const { reader, messages } = reading()
    expect(reader.tooLong(error, bytesOf(start))).toBe(true)
    expect(messages).toMatchObject([{ id, error: { code: -31_010, data: { code: 'MESSAGE_TOO_LARGE' } } }])
  })

  it.each([
    ['xx"},"jsonrpc":"2.0","id":1}', 1],
    ['xx"]},"id":1}\r', 1],
    ['xx"},"id" : "a" , "jsonrpc" : "2.0" }', 'a'],
    ['xx"},"id":1,"error":null}', 1],
  ])('settles its request by its end %s', (end, id) => {
    const { reader, messages } = reading()
    const start = bytesOf('{"result":{"x":"')
    expect(reader.tooLong(error, start)).toBe(false)
    expect(reader.tooLong(error, start, bytesOf(end))).toBe(true)
    expect(messages).toMatchObject([{ id, error: { code: -31_010 } }])
  })

  it.each(['xx"}}', 'xx{"id":1}}}', 'xx\\"id\\":1}"}', 'xx,"id":2}', 'xx,"id":1.5}', ''])(
    'settles nothing without a certain id at its end: %s',
    (end) => {
      const { reader, messages, answers } = reading()
      reader.tooLong(error, bytesOf('{"result":{"x":"'), bytesOf(end))
      expect([messages, answers]).toEqual([[], []])
    },
  )

  it('is answered where it is a request', () => {
    const { reader, answers } = reading()
    reader.tooLong(error, bytesOf('{"method":"a","params":{"x":"'), bytesOf('xx"},"jsonrpc":"2.0","id":7}'))
    const data = { code: 'MESSAGE_TOO_LARGE', delivery: 'none' }
    expect(answers).toMatchObject([{ id: 7, error: { code: -32_600, data } }])
  })

  it('is not answered where it is a notification', () => {
    const { reader, answers } = reading()
    reader.tooLong(error, bytesOf('{"method":"a","params":{"x":"'), bytesOf('xx"},"jsonrpc":"2.0"}'))
    expect(answers).toEqual([])
  })

  it('settles nothing where it may be a line of a log', () => {
    const { reader, messages } = reading(() => {})
    reader.tooLong(error, bytesOf('{"level":30,"id":1,"error":{"x":"'))
    expect(messages).toEqual([])
  })
})

it('a reader tracks at most 10 000 pending requests', () => {
  const messages: JsonRpcMessage[] = []
  const sink = { message: (each: JsonRpcMessage) => messages.push(each), error: () => {}, end: () => {} }
  const reader = new JsonRpcMessageReader(sink, { address: 'tcp://peer', abandon: () => {} })
  for (let id = 0; id < 30_000; id++) reader.sent(request(id))
  let settled = 0
  for (let id = 0; id < 30_000; id++) {
    messages.length = 0
    reader.text(`{"jsonrpc":"2.0","id":${id},"result":null}`)
    // A valid message in between: ten malformed ones in a row end the conversation.
    reader.text('{"jsonrpc":"2.0","method":"a"}')
    if (messages.length === 2) settled++
  }
  expect(settled).toBe(10_000)
})
