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

interface Recorded {
  readonly intake: MessageReader
  readonly messages: JsonRpcMessage[]
  readonly contexts: (MessageContext | undefined)[]
  readonly errors: Error[]
  readonly abandoned: Error[]
}

function listening(options: Partial<MessageReaderOptions> = {}): Recorded {
  const recorded = {
    messages: [] as JsonRpcMessage[],
    contexts: [] as (MessageContext | undefined)[],
    errors: [] as Error[],
    abandoned: [] as Error[],
  }
  const sink = {
    message: (message: JsonRpcMessage, context?: MessageContext) => {
      recorded.messages.push(message)
      recorded.contexts.push(context)
    },
    error: (error: Error) => recorded.errors.push(error),
    end: () => {
      throw new Error('an intake ends nothing itself')
    },
  }
  const intake = createMessageReader(sink, {
    address: 'tcp://peer',
    abandon: (error) => recorded.abandoned.push(error),
    ...options,
  })
  return { ...recorded, intake }
}

/** A reader with negotiated batches. */
function listeningForBatches(options: Partial<MessageReaderOptions> = {}): Recorded {
  const recorded = listening(options)
  recorded.intake.sent({ jsonrpc: '2.0', id: 0, method: 'initialize' })
  recorded.intake.value({ jsonrpc: '2.0', id: 0, result: { protocolVersion: '2025-03-26' } })
  recorded.messages.length = 0
  return recorded
}

const text = (message: unknown): string => JSON.stringify(message)

describe('a message', () => {
  test('is delivered with its context and its bytes', () => {
    const recorded = listening()
    const bytes = new Uint8Array([1])
    const context = { authInfo: { token: 't', clientId: 'c', scopes: [] } }
    recorded.intake.text(text(request(1)), bytes, context)

    expect(recorded.messages).toEqual([request(1)])
    expect(recorded.contexts[0]).toBe(context)
    expect(encodedOf(recorded.messages[0] as object)).toBe(bytes)
  })

  test('is delivered as the same object where it was parsed before', () => {
    const recorded = listening()
    const message = request(1)
    recorded.intake.value(message)

    expect(recorded.messages[0]).toBe(message)
  })

  test('is delivered unchanged', () => {
    fc.assert(
      fc.property(messages(), (message) => {
        const recorded = listening()
        recorded.intake.text(text(message))
        expect(recorded.messages).toEqual([message])
        expect(recorded.errors).toEqual([])
      }),
    )
  })

  test('is accepted after a byte order mark', () => {
    const recorded = listening()
    const bytes = new Uint8Array([1])
    recorded.intake.text(`\ufeff${text(request(1))}\r`, bytes)

    expect(recorded.messages).toEqual([request(1)])
    expect(encodedOf(recorded.messages[0] as object)).toBe(bytes)
  })

  test('gets no prototype from a "__proto__" member', () => {
    const recorded = listening()
    recorded.intake.text('{"jsonrpc":"2.0","method":"a","__proto__":{"id":1},"params":{"__proto__":{"x":1}}}')

    const params = (recorded.messages[0] as { params: Record<string, unknown> }).params
    expect('id' in (recorded.messages[0] as object)).toBe(false)
    expect(params['x']).toBeUndefined()
  })

  test('is delivered without id where it is an error response with id null', () => {
    const recorded = listening()
    recorded.intake.text(
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}',
      new Uint8Array(1),
    )

    expect(recorded.messages).toEqual([{ jsonrpc: '2.0', error: { code: -32700, message: '?' } }])
    expect(encodedOf(recorded.messages[0] as object)).toEqual(new Uint8Array(1))
  })
})

test.each(['', ' ', '\r', '\t \r', '\ufeff', '\ufeff\r', '\ufeff\ufeff'])(
  'ignores the blank text %o',
  (blank) => {
    const recorded = listening()
    recorded.intake.text(blank)

    expect(recorded.messages).toEqual([])
    expect(recorded.errors).toEqual([])
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
    const recorded = listening()
    recorded.intake.text(malformed)
    recorded.intake.text(text(request(2)))

    expect(recorded.messages).toEqual([request(2)])
    expect(recorded.errors).toHaveLength(1)
    expect(isTransportError(recorded.errors[0], 'MALFORMED_MESSAGE')).toBe(true)
    expect(recorded.errors[0]?.message).toContain('tcp://peer')
  })

  test('is reported with its first 64 bytes', () => {
    const recorded = listening()
    recorded.intake.text(`x${'é'.repeat(100)}`)
    recorded.intake.unreadable(new Uint8Array(1_000).fill(0x41), 'not UTF-8')

    const previews = recorded.errors.map(
      (error) => (error as { details?: { preview: string } }).details?.preview,
    )
    expect(previews).toEqual([`x${'é'.repeat(31)}`, 'A'.repeat(64)])
  })

  test('is reported for any parsed value', () => {
    const recorded = listening({ maxMalformedInARow: Infinity })
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const value of [undefined, null, 1n, Symbol('s'), () => 1, cycle, [], [cycle]])
      recorded.intake.value(value)

    // Four kinds: no object, no version, an empty batch, a batch.
    expect(recorded.errors).toHaveLength(4)
    for (const error of recorded.errors) expect(isTransportError(error, 'MALFORMED_MESSAGE')).toBe(true)
  })

  test('never causes a throw, for any text', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.string().map((end) => `\ufeff${end}`),
    )
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 20 }), fc.boolean(), (texts, withBatches) => {
        const recorded = withBatches ? listeningForBatches() : listening()
        for (const each of texts) recorded.intake.text(each)
      }),
    )
  })

  test.each([
    ['byte order marks', `${'\ufeff'.repeat(200_000)}x`],
    ['opening brackets', '['.repeat(2_000_000)],
    ['nested lists', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    ['nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ])('is reported once, even with a great many %s', (_name, hostile) => {
    const recorded = listening()
    recorded.intake.text(hostile)

    expect(recorded.errors).toHaveLength(1)
  })
})

describe('ten malformed messages in a row', () => {
  test('end the conversation once', () => {
    const recorded = listening()
    for (let n = 0; n < 9; n++) recorded.intake.text('no')
    expect(recorded.abandoned).toEqual([])
    for (let n = 0; n < 9; n++) recorded.intake.text('no')

    expect(recorded.errors).toHaveLength(2)
    expect(recorded.abandoned).toHaveLength(1)
    expect(isTransportError(recorded.abandoned[0], 'MALFORMED_MESSAGE')).toBe(true)
    expect(recorded.abandoned[0]?.message).toContain('10 malformed messages in a row')
  })

  test('do not count with a valid message in between', () => {
    const recorded = listening()
    for (let n = 0; n < 50; n++) recorded.intake.text(n % 10 === 9 ? text(request(n)) : 'no')

    expect(recorded.abandoned).toHaveLength(0)
    expect(recorded.errors).toHaveLength(2)
  })

  test('count with blank text in between', () => {
    const recorded = listening()
    for (let n = 0; n < 20; n++) recorded.intake.text(n % 2 === 0 ? 'no' : ' ')

    expect(recorded.abandoned).toHaveLength(1)
  })

  test('can be of different kinds', () => {
    const recorded = listening({ maxMalformedInARow: 4 })
    recorded.intake.text('no')
    recorded.intake.value(null)
    recorded.intake.unreadable(new Uint8Array(1), 'not UTF-8')
    recorded.intake.text('[]')

    expect(recorded.abandoned).toHaveLength(1)
  })

  test('follow maxMalformedInARow, which can be Infinity', () => {
    const [one, any] = [listening({ maxMalformedInARow: 1 }), listening({ maxMalformedInARow: Infinity })]
    one.intake.text('no')
    for (let n = 0; n < 100; n++) any.intake.text('no')

    expect(one.abandoned).toHaveLength(1)
    expect(any.abandoned).toHaveLength(0)
  })

  test('stop the delivery', () => {
    const recorded = listening({ maxMalformedInARow: 1 })
    recorded.intake.text('no')
    recorded.intake.text(text(request(1)))
    recorded.intake.value(request(2))

    expect(recorded.messages).toEqual([])
    expect(recorded.errors).toHaveLength(1)
  })
})

describe('the callback for stray output', () => {
  test('receives malformed text in full without ending the conversation', () => {
    const stray: string[] = []
    const recorded = listening({ onStrayOutput: (line) => stray.push(line) })
    for (let n = 0; n < 20; n++) recorded.intake.text(`npm warn ${n}`)
    recorded.intake.text(text(request(1)))

    expect(stray).toHaveLength(20)
    expect(stray[19]).toBe('npm warn 19')
    expect(recorded.errors).toEqual([])
    expect(recorded.abandoned).toEqual([])
    expect(recorded.messages).toHaveLength(1)
  })

  test('receives the readable part of invalid bytes', () => {
    const stray: string[] = []
    listening({ onStrayOutput: (line) => stray.push(line) }).intake.unreadable(
      Uint8Array.of(0x61, 0xff),
      'not UTF-8',
    )

    expect(stray).toEqual(['a\ufffd'])
  })
})

describe('batches', () => {
  test('are delivered message by message where negotiated [GEN-09, STDIO-03]', () => {
    const recorded = listeningForBatches()
    const context = {}
    recorded.intake.text(text([request(1), request(2)]), undefined, context)
    recorded.intake.value([request(3)], context)

    expect(recorded.messages).toEqual([request(1), request(2), request(3)])
    expect(recorded.contexts.slice(-3).every((each) => each === context)).toBe(true)
    expect(recorded.errors).toEqual([])
  })

  test('lose only their malformed messages', () => {
    const recorded = listeningForBatches()
    recorded.intake.text(text([request(1), 'no', [request(9)], null, request(2)]))

    expect(recorded.messages).toEqual([request(1), request(2)])
    expect(recorded.errors).toHaveLength(2)
  })

  test('are malformed when empty', () => {
    const recorded = listeningForBatches()
    recorded.intake.text('[]')

    expect(recorded.messages).toEqual([])
    expect(recorded.errors).toHaveLength(1)
  })

  test('have no bytes per message', () => {
    const recorded = listeningForBatches()
    recorded.intake.text(text([request(1)]), new Uint8Array(1))

    expect(encodedOf(recorded.messages[0] as object)).toBeUndefined()
  })

  test('end the conversation once after ten malformed messages', () => {
    const recorded = listeningForBatches()
    recorded.intake.text(`[${'1,'.repeat(100_000)}1]`)

    expect(recorded.errors).toHaveLength(2)
    expect(recorded.abandoned).toHaveLength(1)
  })

  test('with a deeply nested list are reported without ending the conversation', () => {
    const recorded = listeningForBatches()
    recorded.intake.text(`[${'['.repeat(200_000)}${']'.repeat(200_000)}]`)

    expect(recorded.errors).toHaveLength(1)
  })
})

test('has bound members', () => {
  const recorded = listening()
  const { text: takeText, value, unreadable, sent } = recorded.intake
  takeText(`\ufeff${text(request(1))}`)
  value(request(2))
  unreadable(new Uint8Array(1), 'not UTF-8')
  sent(request(3))

  expect(recorded.messages).toHaveLength(2)
  expect(recorded.errors).toHaveLength(1)
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
