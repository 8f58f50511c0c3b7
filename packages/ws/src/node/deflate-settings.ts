import type { PerMessageDeflateOptions } from 'ws'
import type { Deflate } from '../deflate.js'

/** Compression in the words of the `ws` library. What is compressed is decided with each message. */
export function deflateSettings(deflate: Deflate | undefined): PerMessageDeflateOptions | false {
  if (!deflate) return false
  const noContextTakeover = !deflate.contextTakeover
  return {
    threshold: 0,
    clientNoContextTakeover: noContextTakeover,
    serverNoContextTakeover: noContextTakeover,
  }
}
