import type { JsonRpcMessage, SendOptions, TransportLike } from '../../src/index.js'

/** A transport that does only what a test tells it to: no more than either SDK asks for. */
export interface ScriptedTransport extends TransportLike {
  readonly sent: { readonly message: JsonRpcMessage; readonly options: SendOptions | undefined }[]
  /** What `send()` answers from now on; resolves at first. */
  answer: () => Promise<void>
  hasPerRequestStream: boolean
  flow: { pause(): void; resume(): void }
  readonly flowed: ('pause' | 'resume')[]
}

/** Makes a transport of which nothing is ours. */
export function scriptedTransport(): ScriptedTransport {
  const transport: ScriptedTransport = {
    sent: [],
    answer: () => Promise.resolve(),
    hasPerRequestStream: false,
    flowed: [],
    flow: {
      pause: () => void transport.flowed.push('pause'),
      resume: () => void transport.flowed.push('resume'),
    },
    start: () => Promise.resolve(),
    send: (message, options) => {
      transport.sent.push({ message, options })
      return transport.answer()
    },
    close: async () => transport.onclose?.(),
  }
  return transport
}
