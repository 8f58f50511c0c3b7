import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createMessageReader,
  encodedOf,
  type MessageReader,
  type MessageReaderOptions,
  previewOf,
} from '../src/authoring.js'
import { isTransportError, type JsonRpcMessage, type MessageContext } from '../src/index.js'
import { messages, request } from './support/messages.js'

interface Heard {
  readonly intake: MessageReader
  readonly messages: JsonRpcMessage[]
  readonly contexts: (MessageContext | undefined)[]
  readonly errors: Error[]
  readonly abandoned: Error[]
}

function listening(options: Partial<MessageReaderOptions> = {}): Heard {
  const heard = {
    messages: [] as JsonRpcMessage[],
    contexts: [] as (MessageContext | undefined)[],
    errors: [] as Error[],
    abandoned: [] as Error[],
  }
  const sink = {
    message: (message: JsonRpcMessage, context?: MessageContext) => {
      heard.messages.push(message)
      heard.contexts.push(context)
    },
    error: (error: Error) => heard.errors.push(error),
    end: () => {
      throw new Error('an intake ends nothing itself')
    },
  }
  const intake = createMessageReader(sink, {
    address: 'tcp://peer',
    abandon: (error) => heard.abandoned.push(error),
    ...options,
  })
  return { ...heard, intake }
}

/** An intake whose peer negotiated batches. */
function listeningForBatches(options: Partial<MessageReaderOptions> = {}): Heard {
  const heard = listening(options)
  heard.intake.sent({ jsonrpc: '2.0', id: 0, method: 'initialize' })
  heard.intake.value({ jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-03-26' } })
  heard.messages.length = 0
  return heard
}

const text = (message: unknown): string => JSON.stringify(message)

describe('a message', () => {
  test('is delivered with its context and its bytes', () => {
    const heard = listening()
    const bytes = new Uint8Array([1])
    const context = { authInfo: { token: 't', clientId: 'c', scopes: [] } }
    heard.intake.text(text(request(1)), bytes, context)

    expect(heard.messages).toEqual([request(1)])
    expect(heard.contexts[0]).toBe(context)
    expect(encodedOf(heard.messages[0] as object)).toBe(bytes)
  })

  test('is delivered as the same object where it was parsed before', () => {
    const heard = listening()
    const message = request(1)
    heard.intake.value(message)

    expect(heard.messages[0]).toBe(message)
  })

  test('is delivered unchanged', () => {
    fc.assert(
      fc.property(messages(), (message) => {
        const heard = listening()
        heard.intake.text(text(message))
        expect(heard.messages).toEqual([message])
        expect(heard.errors).toEqual([])
      }),
    )
  })

  test('is accepted after a byte order mark', () => {
    const heard = listening()
    const bytes = new Uint8Array([1])
    heard.intake.text(`\ufeff${text(request(1))}\r`, bytes)

    expect(heard.messages).toEqual([request(1)])
    expect(encodedOf(heard.messages[0] as object)).toBe(bytes)
  })

  test('gets no prototype from a "__proto__" member', () => {
    const heard = listening()
    heard.intake.text('{"jsonrpc":"2.0","method":"a","__proto__":{"id":1},"params":{"__proto__":{"x":1}}}')

    const params = (heard.messages[0] as { params: Record<string, unknown> }).params
    expect('id' in (heard.messages[0] as object)).toBe(false)
    expect(params['x']).toBeUndefined()
  })

  test('is delivered without id where it is an error response with id null', () => {
    const heard = listening()
    heard.intake.text('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}', new Uint8Array(1))

    expect(heard.messages).toEqual([{ jsonrpc: '2.0', error: { code: -32700, message: '?' } }])
    expect(encodedOf(heard.messages[0] as object)).toEqual(new Uint8Array(1))
  })
})

test.each(['', ' ', '\r', '\t \r', '\ufeff', '\ufeff\r', '\ufeff\ufeff'])(
  'ignores the blank text %o',
  (blank) => {
    const heard = listening()
    heard.intake.text(blank)

    expect(heard.messages).toEqual([])
    expect(heard.errors).toEqual([])
  },
)

describe('a malformed message', () => {
  test.each([
    ['no JSON', 'npm warn'],
    ['JSON that is cut off', '{"jsonrpc":"2.0","id":1,"method":"pi'],
    ['two messages on one line', `${text(request(1))}${text(request(2))}`],
    ['null', 'null'],
    ['a number', '12'],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"a"}'],
    ['an id beyond 2^53-1', '{"jsonrpc":"2.0","id":9007199254740993,"method":"a"}'],
    ['an id that is a fraction', '{"jsonrpc":"2.0","id":1.5,"method":"a"}'],
    ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"a"}'],
    ['a batch that was not negotiated', text([request(1)])],
    ['a byte order mark within', `${text(request(1))}\ufeffx`],
  ])('is reported and skipped: %s', (_name, malformed) => {
    const heard = listening()
    heard.intake.text(malformed)
    heard.intake.text(text(request(2)))

    expect(heard.messages).toEqual([request(2)])
    expect(heard.errors).toHaveLength(1)
    expect(isTransportError(heard.errors[0], 'MALFORMED_MESSAGE')).toBe(true)
    expect(heard.errors[0]?.message).toContain('tcp://peer')
  })

  test('is reported with its first 64 bytes', () => {
    const heard = listening()
    heard.intake.text(`x${'é'.repeat(100)}`)
    heard.intake.unreadable(new Uint8Array(1_000).fill(0x41), 'not UTF-8')

    const previews = heard.errors.map(
      (error) => (error as { details?: { preview: string } }).details?.preview,
    )
    expect(previews).toEqual([`x${'é'.repeat(31)}`, 'A'.repeat(64)])
  })

  test('is reported for any parsed value', () => {
    const heard = listening({ maxMalformedInARow: Infinity })
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const value of [undefined, null, 1n, Symbol('s'), () => 1, cycle, [], [cycle]])
      heard.intake.value(value)

    expect(heard.errors).toHaveLength(8)
    for (const error of heard.errors) expect(isTransportError(error, 'MALFORMED_MESSAGE')).toBe(true)
  })

  test('never causes a throw, for any text', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.string().map((end) => `\ufeff${end}`),
    )
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 20 }), fc.boolean(), (texts, withBatches) => {
        const heard = withBatches ? listeningForBatches() : listening()
        for (const each of texts) heard.intake.text(each)
      }),
    )
  })

  test.each([
    ['byte order marks', `${'\ufeff'.repeat(200_000)}x`],
    ['opening brackets', '['.repeat(2_000_000)],
    ['nested lists', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    ['nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ])('is reported once, even with a great many %s', (_name, hostile) => {
    const heard = listening()
    heard.intake.text(hostile)

    expect(heard.errors).toHaveLength(1)
  })
})

describe('ten malformed messages in a row', () => {
  test('end the conversation once', () => {
    const heard = listening()
    for (let n = 0; n < 9; n++) heard.intake.text('no')
    expect(heard.abandoned).toEqual([])
    for (let n = 0; n < 9; n++) heard.intake.text('no')

    expect(heard.errors).toHaveLength(10)
    expect(heard.abandoned).toHaveLength(1)
    expect(isTransportError(heard.abandoned[0], 'MALFORMED_MESSAGE')).toBe(true)
    expect(heard.abandoned[0]?.message).toContain('10 malformed messages in a row')
  })

  test('do not count with a valid message in between', () => {
    const heard = listening()
    for (let n = 0; n < 50; n++) heard.intake.text(n % 10 === 9 ? text(request(n)) : 'no')

    expect(heard.abandoned).toHaveLength(0)
    expect(heard.errors).toHaveLength(45)
  })

  test('count with blank text in between', () => {
    const heard = listening()
    for (let n = 0; n < 20; n++) heard.intake.text(n % 2 === 0 ? 'no' : ' ')

    expect(heard.abandoned).toHaveLength(1)
  })

  test('can be of different kinds', () => {
    const heard = listening({ maxMalformedInARow: 4 })
    heard.intake.text('no')
    heard.intake.value(null)
    heard.intake.unreadable(new Uint8Array(1), 'not UTF-8')
    heard.intake.text('[]')

    expect(heard.abandoned).toHaveLength(1)
  })

  test('follow maxMalformedInARow, which can be Infinity', () => {
    const [one, any] = [listening({ maxMalformedInARow: 1 }), listening({ maxMalformedInARow: Infinity })]
    one.intake.text('no')
    for (let n = 0; n < 100; n++) any.intake.text('no')

    expect(one.abandoned).toHaveLength(1)
    expect(any.abandoned).toHaveLength(0)
  })

  test('stop the delivery', () => {
    const heard = listening({ maxMalformedInARow: 1 })
    heard.intake.text('no')
    heard.intake.text(text(request(1)))
    heard.intake.value(request(2))

    expect(heard.messages).toEqual([])
    expect(heard.errors).toHaveLength(1)
  })
})

describe('the noise callback', () => {
  test('receives malformed text in full without ending the conversation', () => {
    const noise: string[] = []
    const heard = listening({ noise: (line) => noise.push(line) })
    for (let n = 0; n < 20; n++) heard.intake.text(`npm warn ${n}`)
    heard.intake.text(text(request(1)))

    expect(noise).toHaveLength(20)
    expect(noise[19]).toBe('npm warn 19')
    expect(heard.errors).toEqual([])
    expect(heard.abandoned).toEqual([])
    expect(heard.messages).toHaveLength(1)
  })

  test('receives the readable part of invalid bytes', () => {
    const noise: string[] = []
    listening({ noise: (line) => noise.push(line) }).intake.unreadable(Uint8Array.of(0x61, 0xff), 'not UTF-8')

    expect(noise).toEqual(['a\ufffd'])
  })
})

describe('batches', () => {
  test('are delivered message by message where negotiated [GEN-09, STDIO-03]', () => {
    const heard = listeningForBatches()
    const context = {}
    heard.intake.text(text([request(1), request(2)]), undefined, context)
    heard.intake.value([request(3)], context)

    expect(heard.messages).toEqual([request(1), request(2), request(3)])
    expect(heard.contexts.slice(-3).every((each) => each === context)).toBe(true)
    expect(heard.errors).toEqual([])
  })

  test('lose only their malformed messages', () => {
    const heard = listeningForBatches()
    heard.intake.text(text([request(1), 'no', [request(9)], null, request(2)]))

    expect(heard.messages).toEqual([request(1), request(2)])
    expect(heard.errors).toHaveLength(3)
  })

  test('are malformed when empty', () => {
    const heard = listeningForBatches()
    heard.intake.text('[]')

    expect(heard.messages).toEqual([])
    expect(heard.errors).toHaveLength(1)
  })

  test('have no bytes per message', () => {
    const heard = listeningForBatches()
    heard.intake.text(text([request(1)]), new Uint8Array(1))

    expect(encodedOf(heard.messages[0] as object)).toBeUndefined()
  })

  test('end the conversation once after ten malformed messages', () => {
    const heard = listeningForBatches()
    heard.intake.text(`[${'1,'.repeat(100_000)}1]`)

    expect(heard.errors).toHaveLength(10)
    expect(heard.abandoned).toHaveLength(1)
  })

  test('with a deeply nested list are reported without ending the conversation', () => {
    const heard = listeningForBatches()
    heard.intake.text(`[${'['.repeat(200_000)}${']'.repeat(200_000)}]`)

    expect(heard.errors).toHaveLength(1)
  })
})

test('has bound members', () => {
  const heard = listening()
  const { text: takeText, value, unreadable, sent } = heard.intake
  takeText(`\ufeff${text(request(1))}`)
  value(request(2))
  unreadable(new Uint8Array(1), 'not UTF-8')
  sent(request(3))

  expect(heard.messages).toHaveLength(2)
  expect(heard.errors).toHaveLength(1)
})

describe('previewOf', () => {
  test.each([
    ['short text', 'abc', 'abc'],
    ['64 bytes', 'x'.repeat(64), 'x'.repeat(64)],
    ['more', 'x'.repeat(65), 'x'.repeat(64)],
    ['a character that is cut', `${'x'.repeat(63)}é`, 'x'.repeat(63)],
    ['a pair that is cut', `${'x'.repeat(63)}🦜`, 'x'.repeat(63)],
  ])('shortens %s', (_name, whole, preview) => {
    expect(previewOf(whole)).toBe(preview)
  })

  test('returns at most 64 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (whole) => {
        expect(Buffer.byteLength(previewOf(whole))).toBeLessThanOrEqual(64)
      }),
    )
  })
})
