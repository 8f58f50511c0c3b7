import type { PerMessageDeflateOptions } from 'ws'
import type { DeflateSettings } from '../ws-options.js'

/** The options of ours that the `ws` library implements, at both ends. */
export interface LibrarySettings {
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  readonly deflate: DeflateSettings | undefined
}

/** Options of the `ws` library. */
export interface LibraryOptions {
  readonly autoPong: false
  readonly maxPayload: number
  /** Time for a peer to disconnect after its close frame. Missing in the types of the library. */
  readonly closeTimeout: number
  readonly perMessageDeflate: PerMessageDeflateOptions | false
}

/** Longest delay of a timer. With a longer one it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Our options in the terms of the library. */
export function libraryOptions({
  maxMessageBytes,
  closeTimeoutMs,
  deflate,
}: LibrarySettings): LibraryOptions {
  const noContextTakeover = !deflate?.contextTakeover
  return {
    // Pongs are sent by `WsFrames`, one at a time.
    autoPong: false,
    maxPayload: maxMessageBytes,
    closeTimeout: Math.min(closeTimeoutMs, MAX_TIMER_MS),
    perMessageDeflate: deflate !== undefined && {
      // The sender decides for each message.
      threshold: 0,
      clientNoContextTakeover: noContextTakeover,
      serverNoContextTakeover: noContextTakeover,
    },
  }
}
