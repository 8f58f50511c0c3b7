import type { JsonRpcMessage, SendOptions, TransportLike } from '../../src/index.js'

/** A minimal foreign transport that the test controls. */
export interface ScriptedTransport extends TransportLike {
  readonly sent: { readonly message: JsonRpcMessage; readonly options: SendOptions | undefined }[]
  /** The result of each `send()`. Resolves by default. */
  answer: () => Promise<void>
  hasPerRequestStream: boolean
  flow: { pause(): void; resume(): void }
  readonly flowed: ('pause' | 'resume')[]
}

/** Makes a foreign transport. */
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
