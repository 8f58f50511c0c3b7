import type { Readable } from 'node:stream'
import { until } from '@mcpwire/compliance'
import { PATIENCE_MS } from './processes.js'

/** What a process has written to a stream so far. */
export interface Written {
  text: string
  readonly lines: string[]
  /** Resolves with the first line that has this in it. */
  line(part: string): Promise<string>
}

export function linesOf(stream: Readable): Written {
  const written: Written = {
    text: '',
    get lines() {
      return written.text.split('\n').slice(0, -1)
    },
    line: async (part) => {
      const find = (): string | undefined => written.lines.find((line) => line.includes(part))
      await until(() => find() !== undefined, `a line with ${part}`, PATIENCE_MS)
      return find() ?? ''
    },
  }
  stream.setEncoding('utf8').on('data', (text: string) => {
    written.text += text
  })
  return written
}
