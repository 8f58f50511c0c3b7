//#region transport
import type { MessagePort } from 'node:worker_threads'
import type { Transport } from '@mcpwire/core'
import { TransportError } from '@mcpwire/core'
import type { Channel, CreateTransportOptions, Sink } from '@mcpwire/core/authoring'
import { createMessageReader, createTransport, requireInteger, toJson } from '@mcpwire/core/authoring'

/** A transport over a port of `node:worker_threads`, such as `parentPort`. Takes the port over. */
export function portTransport(
  port: MessagePort,
  options: CreateTransportOptions & { maxMessageBytes?: number | undefined } = {},
): Transport {
  const { maxMessageBytes = 10_485_760 } = options
  requireInteger('maxMessageBytes', maxMessageBytes, 1024, Infinity)
  const connect = async (sink: Sink, signal: AbortSignal): Promise<Channel> => {
    signal.throwIfAborted()
    return portChannel(port, sink, maxMessageBytes)
  }
  return createTransport({ connect, connectsOnce: true }, options)
}
//#endregion

//#region channel
function portChannel(port: MessagePort, sink: Sink, maxMessageBytes: number): Channel {
  const peer = { medium: 'port', address: 'the other end of the port' }
  const abandon = (error: Error): void => void close().then(() => sink.end(error))
  const intake = createMessageReader(sink, { address: peer.address, abandon })

  function errorAbout(text: string): Error | undefined {
    const bytes = Buffer.byteLength(text)
    if (bytes <= maxMessageBytes) return undefined
    const message = `${bytes} bytes are more than maxMessageBytes (${maxMessageBytes})`
    return new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
  }

  function onmessage(piece: unknown): void {
    const error = typeof piece === 'string' ? errorAbout(piece) : undefined
    if (error) sink.error(error)
    else if (typeof piece === 'string') intake.text(piece)
    else intake.unreadable(new Uint8Array(), 'not text')
  }

  const onclose = (): void => sink.end()

  async function send(...[message]: Parameters<Channel['send']>): Promise<void> {
    const text = toJson(message)
    const error = errorAbout(text)
    if (error) throw error
    intake.sent(message)
    port.postMessage(text)
  }

  async function close(): Promise<void> {
    port.off('message', onmessage).off('close', onclose)
    const closed = new Promise((resolve) => port.once('close', resolve))
    port.close()
    await closed
  }

  port.on('message', onmessage).on('close', onclose)
  return { peer, send, close }
}
//#endregion
