//#region layer
import { isRequest, type Layer } from '@mcpwire/core'

/** Answers requests with these methods with an error, and passes everything else on. */
export function denyMethods(...methods: readonly string[]): Layer {
  return (next) => ({
    ...next,
    connect(sink, signal) {
      const connecting = next.connect(
        {
          ...sink,
          message(message, context) {
            if (!isRequest(message) || !methods.includes(message.method)) {
              sink.message(message, context)
              return
            }
            const error = { code: -32_601, message: `${message.method} is not available` }
            connecting
              .then((channel) =>
                channel.send({ jsonrpc: '2.0', id: message.id, error }, { relatedRequestId: message.id }),
              )
              .catch(sink.error)
          },
        },
        signal,
      )
      return connecting
    },
  })
}
//#endregion
