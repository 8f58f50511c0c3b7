import type { Readable } from 'node:stream'
import { until } from '@mcpwire/compliance'
import { TIMEOUT_MS } from './processes.js'

/** The output of a process so far. */
export interface Output {
  text: string
  readonly lines: string[]
  /** Resolves with the first line that contains `part`. */
  line(part: string): Promise<string>
}

export function linesOf(stream: Readable): Output {
  const output: Output = {
    text: '',
    get lines() {
      return output.text.split('\n').slice(0, -1)
    },
    line: async (part) => {
      const find = (): string | undefined => output.lines.find((line) => line.includes(part))
      await until(() => find() !== undefined, `a line with ${part}`, TIMEOUT_MS)
      return find() ?? ''
    },
  }
  stream.setEncoding('utf8').on('data', (text: string) => {
    output.text += text
  })
  return output
}
