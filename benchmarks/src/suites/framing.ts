import { createLineDecoder, createMessageReader, type Sink } from '@mcpwire/core/authoring'
import { ReadBuffer as ReadBufferV2 } from '@modelcontextprotocol/client'
import { ReadBuffer as ReadBufferV1 } from '@modelcontextprotocol/sdk/shared/stdio.js'
import { type FramingInput, type FramingLoad, framingInput } from '../harness/framing-input.js'
import type { Contestant, Suite } from '../harness/suite.js'

const MAX_LINE_BYTES = 64 * 1024 * 1024
const CHUNK_BYTES = { '64k': 65_536, '16k': 16_384, '1': 1 } as const
const MESSAGE_BYTES = { '200': 200, '2k': 2000, '64k': 65_536, '1m': 1e6, '10m': 1e7, '40m': 4e7 } as const

/** From bytes in chunks to parsed messages. */
export const suite: Suite<FramingLoad> = {
  name: 'framing',
  question: 'What does cutting a stream of bytes into messages cost beyond decoding and parsing them?',
  reference: 'floor',
  loads: [
    framing('text', '200', '64k'),
    framing('text', '200', '16k'),
    framing('text', '200', '1'),
    framing('text', '200', 'random'),
    framing('utf8', '200', '64k'),
    framing('text', '2k', '64k'),
    framing('text', '64k', '64k'),
    framing('text', '1m', '64k'),
    framing('text', '1m', 'random'),
    framing('utf8', '1m', '64k'),
    framing('rows', '1m', '64k'),
    framing('text', '10m', '64k'),
    framing('text', '40m', '64k'),
    framing('text', '40m', '16k'),
    framing('rows', '40m', '64k'),
  ],
  contestants: [
    {
      id: 'floor',
      label: 'decoding all bytes at once, JSON.parse of each line',
      open: reading((_chunks, whole, deliver) => {
        const text = whole.toString()
        let start = 0
        while (start < text.length) {
          const end = text.indexOf('\n', start)
          deliver(JSON.parse(text.slice(start, end)))
          start = end + 1
        }
      }),
    },
    sdk('sdk-v1', 'SDK 1, ReadBuffer', () => new ReadBufferV1({ maxBufferSize: MAX_LINE_BYTES })),
    sdk('sdk-v2', 'SDK 2, ReadBuffer', () => new ReadBufferV2({ maxBufferSize: MAX_LINE_BYTES })),
    {
      id: 'ours',
      label: 'createLineDecoder and createMessageReader',
      isOurs: true,
      open: reading((chunks, _whole, deliver) => {
        const fail = (what: string) => () => {
          throw new Error(what)
        }
        const sink: Sink = { message: deliver, error: fail('malformed'), end: fail('ended') }
        const intake = createMessageReader(sink, { address: 'benchmark', abandon: fail('abandoned') })
        const decoder = createLineDecoder(
          {
            line: (text, encoded) => intake.text(text, encoded),
            invalid: fail('not UTF-8'),
            oversize: fail('too long'),
          },
          { maxLineBytes: MAX_LINE_BYTES },
        )
        for (const chunk of chunks) decoder.push(chunk)
      }),
    },
  ],
}

function framing(
  shape: FramingLoad['shape'],
  size: keyof typeof MESSAGE_BYTES,
  chunks: keyof typeof CHUNK_BYTES | 'random',
): FramingLoad {
  const chunkBytes = chunks === 'random' ? 'random' : CHUNK_BYTES[chunks]
  return {
    id: `${shape}-${size}-${chunks}`,
    label: `${size} B, ${shape}, chunks of ${chunks}`,
    shape,
    bytes: MESSAGE_BYTES[size],
    chunkBytes,
  }
}

/** The buffers of the SDKs copy their content for every chunk. Only short messages in large chunks end in time. */
function sdk(
  id: string,
  label: string,
  make: () => { append(chunk: Buffer): void; readMessage(): unknown },
): Contestant<FramingLoad> {
  return {
    id,
    label,
    skips: ({ bytes, chunkBytes }) => bytes > 1e6 || chunkBytes === 1,
    open: reading((chunks, _whole, deliver) => {
      const buffer = make()
      for (const chunk of chunks) {
        buffer.append(chunk)
        for (let message = buffer.readMessage(); message; message = buffer.readMessage()) deliver(message)
      }
    }),
  }
}

type Read = (chunks: readonly Buffer[], whole: Buffer, deliver: (message: unknown) => void) => void

/** Reads the same input repeatedly, with a new reader each time. */
function reading(read: Read): Contestant<FramingLoad>['open'] {
  return async () => {
    let current: FramingLoad | undefined
    let input: FramingInput = { chunks: [], whole: Buffer.alloc(0), messages: 0 }
    return {
      run: async (load, milliseconds) => {
        if (load !== current) input = framingInput(load)
        current = load
        let delivered = 0
        let cycles = 0
        const startedAt = performance.now()
        let elapsed = 0
        while (elapsed < milliseconds) {
          read(input.chunks, input.whole, () => void delivered++)
          cycles++
          elapsed = performance.now() - startedAt
        }
        if (delivered !== cycles * input.messages)
          throw new Error(`${delivered} messages in ${cycles} cycles`)
        return { messages: delivered, bytes: cycles * input.whole.length, seconds: elapsed / 1000 }
      },
      close: async () => {},
    }
  }
}
