import type { Socket } from 'node:net'
import {
  defaultsOf,
  inRange,
  integer,
  type OptionDefaults,
  type OptionSettings,
  type OptionTable,
  options,
} from '../authoring.js'
import type { Clock } from '../index.js'
import { firstNonBlank, inspectClientStart } from './first-bytes.js'
import { type PreambleOptions, type PreambleOutcome, parsePreamble, refused } from './preamble.js'

/** `PreambleOptions` after their defaults. */
export type PreambleSettings = OptionSettings<PreambleOptions>

/** The option `preamble` of a listener. */
export const preambleOptions: OptionTable<PreambleOptions> = options<PreambleOptions>({
  timeoutMs: inRange(1, Infinity, 5_000),
  maxBytes: integer(64, 1_048_576, 8_192),
})

/** Defaults of `PreambleOptions`. */
export const preambleDefaults: OptionDefaults<PreambleOptions> = /* @__PURE__ */ defaultsOf(preambleOptions)

const LINE_FEED = 0x0a

/**
 * Reads the first line of a paused socket, and leaves the rest unread. Never rejects: a missing, late, long or malformed
 * preamble is a refusal.
 */
export function readPreamble(
  socket: Socket,
  { timeoutMs, maxBytes }: PreambleSettings,
  { clock, address }: { readonly clock: Clock; readonly address: string },
): Promise<PreambleOutcome> {
  return new Promise((resolve) => {
    const held: Buffer[] = []
    let start: string | undefined = ''
    let heldBytes = 0
    const timer = clock.deadline(timeoutMs, () => {
      settle(refused(`no preamble arrived within preamble.timeoutMs (${timeoutMs} ms)`))
    })
    const settle = (outcome: PreambleOutcome): void => {
      timer[Symbol.dispose]()
      socket.off('readable', onreadable).off('close', onclose).off('end', onclose)
      resolve(outcome)
    }
    const onclose = (): void => settle(refused('the connection closed before a preamble arrived'))
    const onreadable = (): void => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        if (start !== undefined) {
          const { undecided, foreign } = inspectClientStart(start, chunk, address)
          start = undecided
          if (foreign) {
            settle({ foreign })
            return
          }
          // Blank lines before the preamble are no preamble.
          chunk = chunk.subarray(firstNonBlank(chunk))
        }
        const end = chunk.indexOf(LINE_FEED)
        const part = end === -1 ? chunk : chunk.subarray(0, end)
        heldBytes += part.length
        if (heldBytes > maxBytes) {
          settle(refused(`the preamble exceeds preamble.maxBytes (${maxBytes})`))
          return
        }
        if (part.length > 0) held.push(part)
        if (end === -1) continue
        settle(parsePreamble(Buffer.concat(held).toString()))
        const rest = chunk.subarray(end + 1)
        if (rest.length > 0) socket.unshift(rest)
        return
      }
    }
    socket.on('readable', onreadable).once('close', onclose).once('end', onclose)
  })
}
