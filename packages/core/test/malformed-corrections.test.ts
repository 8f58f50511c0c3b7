import { describe, expect, it } from 'vitest'
import { createMessageReader, type MessageReader, type MessageReaderOptions } from '../src/authoring.js'
import { isTransportError, type JsonRpcMessage, type RequestId } from '../src/index.js'
import { request } from './support/messages.js'

interface Connection {
  readonly reader: MessageReader
  readonly messages: JsonRpcMessage[]
  readonly errors: Error[]
  /** The error responses to the peer. */
  readonly answers: unknown[]
  readonly abandoned: Error[]
}

/** A reader after these requests were sent. */
function connection(
  sent: readonly RequestId[] = [],
  options: Partial<MessageReaderOptions> = {},
): Connection {
  const messages: JsonRpcMessage[] = []
  const errors: Error[] = []
  const answers: unknown[] = []
  const abandoned: Error[] = []
  const reader = createMessageReader(
    {
      message: (message) => messages.push(message),
      error: (error) => errors.push(error),
      end: () => {},
    },
    {
      address: 'tcp://peer',
      abandon: (error) => abandoned.push(error),
      respond: (text) => answers.push(JSON.parse(text)),
      ...options,
    },
  )
  for (const id of sent) reader.sent(request(id))
  return { reader, messages, errors, answers, abandoned }
}

const malformedResponses: readonly (readonly [reason: string, text: string])[] = [
  ['a result that is null', '{"jsonrpc":"2.0","id":1,"result":null}'],
  ['a result that is a text', '{"jsonrpc":"2.0","id":1,"result":"yes"}'],
  ['a result that is a number', '{"jsonrpc":"2.0","id":1,"result":7}'],
  ['a result that is a list', '{"jsonrpc":"2.0","id":1,"result":[]}'],
  ['an error that is a text', '{"jsonrpc":"2.0","id":1,"error":"no"}'],
  ['an error that is null', '{"jsonrpc":"2.0","id":1,"error":null}'],
  ['an error that is a list', '{"jsonrpc":"2.0","id":1,"error":[]}'],
  ['an error without a code', '{"jsonrpc":"2.0","id":1,"error":{"message":"no"}}'],
  ['an error without a message', '{"jsonrpc":"2.0","id":1,"error":{"code":-32603}}'],
  ['an error code that is a text', '{"jsonrpc":"2.0","id":1,"error":{"code":"E","message":"no"}}'],
  ['an error code that is a fraction', '{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"no"}}'],
  ['a result and an error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"no"}}'],
  ['a result and an error that is null', '{"jsonrpc":"2.0","id":1,"result":{},"error":null}'],
  ['neither a result nor an error', '{"jsonrpc":"2.0","id":1}'],
  ['a method that is null', '{"jsonrpc":"2.0","id":1,"method":null}'],
  ['a method and a result', '{"jsonrpc":"2.0","id":1,"method":"a","result":{}}'],
  ['no version', '{"id":1,"result":{}}'],
  ['version 1.0', '{"jsonrpc":"1.0","id":1,"result":{}}'],
  ['a version that is a number', '{"jsonrpc":2,"id":1,"result":{}}'],
  ['a result with NaN', '{"jsonrpc":"2.0","id":1,"result":{"x":NaN}}'],
  ['a result with NaN and its id at the end', '{"result":{"x":[NaN,"}"]},"jsonrpc":"2.0","id":1}'],
  ['a text that is cut off', '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"te'],
  ['a text that is cut off after its id', '{"jsonrpc":"2.0","id":1,'],
  ['a comma too many', '{"jsonrpc":"2.0","id":1,"result":{},}'],
  ['a batch that was not negotiated', '[{"jsonrpc":"2.0","id":1,"result":{}}]'],
  ['a malformed message and its id as a string', '{"jsonrpc":"2.0","id":"1","result":null}'],
]

describe('a malformed response', () => {
  it.each(malformedResponses)('settles its request: %s', (_reason, text) => {
    const { reader, messages, errors, answers } = connection([1])
    reader.text(text)

    expect(messages).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: {
          code: -31_009,
          message: expect.stringContaining('tcp://peer'),
          data: { code: 'MALFORMED_MESSAGE', delivery: 'unknown' },
        },
      },
    ])
    expect(errors).toHaveLength(1)
    expect(isTransportError(errors[0], 'MALFORMED_MESSAGE')).toBe(true)
    expect(answers).toEqual([])
  })

  it.each(malformedResponses)('to no pending request is reported only: %s', (_reason, text) => {
    const { reader, messages, errors } = connection([2, '3'])
    reader.text(text)

    expect(messages).toEqual([])
    expect(errors).toHaveLength(1)
  })

  it('settles its request once', () => {
    const { reader, messages } = connection([1])
    reader.text('{"jsonrpc":"2.0","id":1,"result":null}')
    reader.text('{"jsonrpc":"2.0","id":1,"result":null}')

    expect(messages).toHaveLength(1)
  })

  it('does not settle a request that has its response or is cancelled', () => {
    const { reader, messages } = connection([1, 2])
    reader.sent({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } })
    reader.text('{"jsonrpc":"2.0","id":1,"result":{}}')
    for (const id of [1, 2]) reader.text(`{"jsonrpc":"2.0","id":${id},"result":null}`)

    expect(messages).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }])
  })

  it('settles the requests of a batch and gets no response', () => {
    const { reader, messages, answers } = connection([1, 2, 3])
    reader.text('[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":3,"error":"no"}]')

    expect(messages.map((message) => 'id' in message && message.id)).toEqual([1, 3])
    expect(answers).toEqual([])
  })

  it('with an invalid byte settles its request', () => {
    const { reader, messages } = connection([1])
    const bytes = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"result":{"x":"?"}}')
    bytes[bytes.indexOf(0x3f)] = 0xff
    reader.unreadable(bytes, 'not UTF-8')

    expect(messages).toMatchObject([{ id: 1, error: { data: { code: 'MALFORMED_MESSAGE' } } }])
  })

  it.each([0, 100, 100_000])('with %i characters before its id settles its request', (length) => {
    const { reader, messages } = connection([1])
    reader.text(`{"result":{"x":"${'y'.repeat(length)}","z":NaN},"jsonrpc":"2.0","id":1}`)

    expect(messages).toMatchObject([{ id: 1, error: { code: -31_009 } }])
  })
})

describe('a malformed request', () => {
  it.each([
    ['no version', '{"id":5,"method":"tools/list"}', -32_600, 5],
    ['version 1.0', '{"jsonrpc":"1.0","id":5,"method":"tools/list"}', -32_600, 5],
    ['params that are a list', '{"jsonrpc":"2.0","id":5,"method":"tools/list","params":[]}', -32_600, 5],
    ['params that are null', '{"jsonrpc":"2.0","id":"a","method":"tools/list","params":null}', -32_600, 'a'],
    ['a method that is a number', '{"jsonrpc":"2.0","id":5,"method":7}', -32_600, 5],
    ['a method that is null', '{"jsonrpc":"2.0","id":5,"method":null}', -32_600, 5],
    ['params without a method', '{"jsonrpc":"2.0","id":5,"params":{}}', -32_600, 5],
    ['an id alone', '{"jsonrpc":"2.0","id":0}', -32_600, 0],
    ['a result', '{"jsonrpc":"2.0","id":"","method":"a","result":{}}', -32_600, ''],
    ['an id that is a fraction', '{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}', -32_600, null],
    ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"tools/list"}', -32_600, null],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"tools/list"}', -32_600, null],
    ['an id beyond 2^53-1', '{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/list"}', -32_600, null],
    ['a batch', '[{"jsonrpc":"2.0","id":5,"method":"a"},{"jsonrpc":"2.0","method":"b"}]', -32_600, null],
    ['a batch of notifications', '[{"jsonrpc":"2.0","method":"b"}]', -32_600, null],
    ['an empty batch', '[]', -32_600, null],
    ['a batch without objects', '[1,2]', -32_600, null],
    ['NaN', '{"jsonrpc":"2.0","id":5,"method":"a","params":{"x":NaN}}', -32_700, 5],
    ['a text that is cut off', '{"jsonrpc":"2.0","id":5,"method":"a","params":{"x":"', -32_700, 5],
    ['a text that is cut off before its id', '{"jsonrpc":"2.0","method":"a","params":{"x":"', -32_700, null],
    ['the id of an inner object', '{"jsonrpc":"2.0","method":"a","params":{"x":{"id":7}', -32_700, null],
    ['a name that is cut off', '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32_700, null],
    ['two different ids', '{"jsonrpc":"2.0","id":1,"id":2,"method":"a",}', -32_700, null],
    ['an id that is cut off', '{"jsonrpc":"2.0","method":"a","id":12', -32_700, null],
  ] as const)('gets an error response: %s', (_reason, text, code, id) => {
    const { reader, messages, errors, answers } = connection()
    reader.text(text)

    expect(answers).toEqual([
      {
        jsonrpc: '2.0',
        id,
        error: {
          code,
          message: expect.any(String),
          data: { code: 'MALFORMED_MESSAGE', delivery: 'none' },
        },
      },
    ])
    expect(messages).toEqual([])
    expect(errors).toHaveLength(1)
  })

  it('gets an error response although this end has sent a request with that id', () => {
    const { reader, messages, answers } = connection([5])
    reader.text('{"id":5,"method":"tools/list"}')
    reader.text('{"jsonrpc":"2.0","id":5,"result":{}}')

    expect(answers).toMatchObject([{ id: 5, error: { code: -32_600 } }])
    expect(messages).toEqual([{ jsonrpc: '2.0', id: 5, result: {} }])
  })

  it('gets its error response before ten in a row end the connection', () => {
    const { reader, answers, abandoned } = connection()
    for (let id = 1; id <= 11; id++) reader.text(`{"id":${id},"method":"a"}`)

    expect(answers).toHaveLength(10)
    expect(abandoned).toHaveLength(1)
  })
})

describe('a malformed message without a response', () => {
  it.each([
    ['a text', 'hello'],
    ['a list that is cut off', '[1,'],
    ['a notification without a version', '{"method":"notifications/progress"}'],
    ['a notification with invalid params', '{"jsonrpc":"2.0","method":"a","params":[]}'],
    ['a notification with NaN', '{"jsonrpc":"2.0","method":"a","params":{"x":NaN}}'],
    ['an empty object', '{}'],
    ['a version alone', '{"jsonrpc":"2.0"}'],
    ['a method that is null', '{"jsonrpc":"2.0","method":null}'],
    ['an object of another format', '{tools: 1}'],
    ['a response without an id', '{"jsonrpc":"2.0","result":{}}'],
    ['a response with an id that is null', '{"jsonrpc":"2.0","id":null,"result":{}}'],
    ['a response with an id that is a fraction', '{"jsonrpc":"2.0","id":1.5,"result":{}}'],
    ['a response to no request', '{"jsonrpc":"2.0","id":7,"result":null}'],
    ['a batch of responses', '[{"jsonrpc":"2.0","id":7,"result":{}}]'],
  ])('is reported: %s', (_reason, text) => {
    const { reader, messages, errors, answers } = connection([1])
    reader.text(text)

    expect(answers).toEqual([])
    expect(messages).toEqual([])
    expect(errors).toHaveLength(1)
  })

  it('is reported once for each reason, then at each power of ten with the count', () => {
    const { reader, errors } = connection([], { maxMalformedInARow: Infinity })
    for (let n = 0; n < 1_000; n++) {
      reader.text('hello')
      if (n < 5) reader.text('{}')
    }

    expect(
      errors.map((error) => isTransportError(error, 'MALFORMED_MESSAGE') && error.details.count),
    ).toEqual([undefined, undefined, 10, 100, 1_000])
  })
})

describe('a response with a string instead of an integer id', () => {
  it.each([0, 1, -1, 9_007_199_254_740_991])('is the response to request %i', (id) => {
    const { reader, messages, errors } = connection([id])
    reader.text(`{"jsonrpc":"2.0","id":"${id}","result":{}}`, new Uint8Array(1))

    expect(messages).toEqual([{ jsonrpc: '2.0', id, result: {} }])
    expect(errors).toHaveLength(1)
  })

  it('is reported once', () => {
    const { reader, messages, errors } = connection([1, 2, 3])
    for (const id of [1, 2, 3])
      reader.text(`{"jsonrpc":"2.0","id":"${id}","error":{"code":1,"message":"no"}}`)

    expect(messages.map((message) => 'id' in message && message.id)).toEqual([1, 2, 3])
    expect(errors).toHaveLength(1)
  })

  it('is the response to the string id where that is pending', () => {
    const { reader, messages, errors } = connection([1, '1'])
    reader.text('{"jsonrpc":"2.0","id":"1","result":{}}')

    expect(messages).toEqual([{ jsonrpc: '2.0', id: '1', result: {} }])
    expect(errors).toEqual([])
  })

  it.each(['01', '1.0', '+1', ' 1', '1e0', '-0', '', '9007199254740993'])('keeps the id %o', (id) => {
    const { reader, messages } = connection([0, 1, 9_007_199_254_740_991])
    reader.text(`{"jsonrpc":"2.0","id":"${id}","result":{}}`)

    expect(messages).toEqual([{ jsonrpc: '2.0', id, result: {} }])
  })

  it('never becomes a string: an integer id stays one', () => {
    const { reader, messages } = connection(['1'])
    reader.text('{"jsonrpc":"2.0","id":1,"result":{}}')

    expect(messages).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }])
  })

  it('negotiates batches like any other', () => {
    const { reader, messages } = connection()
    reader.sent({ jsonrpc: '2.0', id: 0, method: 'initialize' })
    reader.text('{"jsonrpc":"2.0","id":"0","result":{"protocolVersion":"2025-03-26"}}')
    reader.text('[{"jsonrpc":"2.0","method":"a"}]')

    expect(messages).toHaveLength(2)
  })
})

describe('a medium with stray output', () => {
  it.each([
    ['a text', 'npm warn'],
    ['a log line in JSON', '{"level":"info","id":1,"msg":"started"}'],
    ['a log line with an error', '{"level":"error","id":1,"error":"no"}'],
    ['a log line with a method', '{"level":30,"id":1,"method":"GET","url":"/"}'],
    ['an object with an id alone', '{"id":1}'],
    ['a list', '[1,2]'],
    ['an empty list', '[]'],
    ['a list of objects', '[{"id":1,"name":"x"}]'],
    ['a response to no request', '{"jsonrpc":"2.0","id":7,"result":null}'],
  ])('passes on %s', (_reason, text) => {
    const stray: string[] = []
    const { reader, messages, errors, answers } = connection([1], {
      onStrayOutput: (line) => stray.push(line),
    })
    reader.text(text)

    expect(stray).toEqual([text])
    expect([messages, errors, answers]).toEqual([[], [], []])
  })

  it.each(malformedResponses.filter(([, text]) => !text.startsWith('[')))(
    'settles the request of a malformed response: %s',
    (_reason, text) => {
      const stray: string[] = []
      const { reader, messages, errors } = connection([1], { onStrayOutput: (line) => stray.push(line) })
      reader.text(text)

      expect(messages).toMatchObject([{ id: 1, error: { code: -31_009 } }])
      expect(errors).toHaveLength(1)
      expect(stray).toEqual([])
    },
  )
})
