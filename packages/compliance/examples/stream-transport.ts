//#region transport
import type { Duplex } from 'node:stream'
import type { Transport } from '@mcpwire/core'
import { createTransport } from '@mcpwire/core/authoring'
import { type ByteStreamOptions, byteStreamOptions, duplexChannel } from '@mcpwire/core/node'

/** Creates a transport over the stream that `open` returns, such as a serial port. */
export function streamTransport(
  open: (signal: AbortSignal) => Duplex | Promise<Duplex>,
  options: ByteStreamOptions = {},
): Transport {
  const settings = byteStreamOptions.read(options)
  const peer = { medium: 'stream', address: 'the other end of the stream' }
  return createTransport(
    { connect: async (sink, signal) => duplexChannel(await open(signal), sink, { ...settings, peer }) },
    settings,
  )
}
//#endregion
