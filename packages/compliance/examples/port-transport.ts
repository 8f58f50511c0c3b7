//#region transport
import type { MessagePort } from 'node:worker_threads'
import type { Transport } from '@mcpwire/core'
import { TransportError } from '@mcpwire/core'
import type { Channel, CreateTransportOptions, Sink } from '@mcpwire/core/authoring'
import { createMessageReader, createTransport, integer, toJson } from '@mcpwire/core/authoring'

/** Creates a transport over a port of `node:worker_threads`, such as `parentPort`, which it owns. */
export function portTransport(
  port: MessagePort,
  options: CreateTransportOptions & { maxMessageBytes?: number | undefined } = {},
): Transport {
  const { maxMessageBytes = 10_485_760 } = options
  integer(1024, Infinity).check('maxMessageBytes', maxMessageBytes)
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
  const respond = (text: string): void => port.postMessage(text)
  const reader = createMessageReader(sink, { address: peer.address, abandon, respond })

  function limitError(text: string): Error | undefined {
    const bytes = Buffer.byteLength(text)
    if (bytes <= maxMessageBytes) return undefined
    const message = `message of ${bytes} bytes exceeds maxMessageBytes (${maxMessageBytes})`
    return new TransportError('MESSAGE_TOO_LARGE', message, { bytes, maxMessageBytes })
  }

  function onmessage(data: unknown): void {
    const error = typeof data === 'string' ? limitError(data) : undefined
    if (error) sink.error(error)
    else if (typeof data === 'string') reader.text(data)
    else reader.unreadable(new Uint8Array(), 'not text')
  }

  const onclose = (): void => sink.end()

  async function send(...[message]: Parameters<Channel['send']>): Promise<void> {
    const text = toJson(message)
    const error = limitError(text)
    if (error) throw error
    reader.sent(message)
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
