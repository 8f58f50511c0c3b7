import type { Readable, Writable } from 'node:stream'
import type { JsonRpcMessage, TransportLike } from '@mcpwire/core'

const sent: Promise<void> = Promise.resolve()
const EARLY_FLUSH_CHARACTERS = 3072
const LINE_FEED = 0x0a

/** The first version that comes to mind: a write per message, and strings that are joined and split. No limits, no checks. */
export function naiveByteStream(input: Readable, output: Writable): TransportLike {
  const wire: TransportLike = {
    start: async () => {
      let rest = ''
      input.setEncoding('utf8')
      input.on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) wire.onmessage?.(JSON.parse(line) as JsonRpcMessage)
      })
      input.on('end', () => wire.onclose?.())
    },
    send: (message) => {
      output.write(`${JSON.stringify(message)}\n`)
      return sent
    },
    close: async () => void output.end(),
  }
  return wire
}

/**
 * The fastest known version: messages of one turn are written in blocks of about 3 KiB, the last one in `nextTick`. A
 * chunk is decoded once. No limits, no checks.
 */
export function bestByteStream(
  input: Readable,
  output: Writable,
  flushAtCharacters: number = EARLY_FLUSH_CHARACTERS,
): TransportLike {
  let waiting = ''
  let isFlushDue = false
  const flush = (): void => {
    isFlushDue = false
    if (waiting === '') return
    const text = waiting
    waiting = ''
    output.write(text)
  }
  const wire: TransportLike = {
    start: async () => {
      input.on(
        'data',
        chunkReader((message) => wire.onmessage?.(message)),
      )
      input.on('end', () => wire.onclose?.())
    },
    send: (message) => {
      waiting += `${JSON.stringify(message)}\n`
      if (waiting.length >= flushAtCharacters) flush()
      else if (!isFlushDue) {
        isFlushDue = true
        process.nextTick(flush)
      }
      return sent
    },
    close: async () => {
      flush()
      output.end()
    },
  }
  return wire
}

function chunkReader(deliver: (message: JsonRpcMessage) => void): (chunk: Buffer) => void {
  let held: Buffer[] = []
  return (chunk) => {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    if (end === 0) {
      held.push(chunk)
      return
    }
    const complete = chunk.subarray(0, end)
    const text = (held.length === 0 ? complete : Buffer.concat([...held, complete])).toString()
    held = end < chunk.length ? [chunk.subarray(end)] : []
    let start = 0
    while (start < text.length) {
      const lineEnd = text.indexOf('\n', start)
      deliver(JSON.parse(text.slice(start, lineEnd)) as JsonRpcMessage)
      start = lineEnd + 1
    }
  }
}
