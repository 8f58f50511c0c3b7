import { pipe } from '@mcpwire/core'
import { guardStdout, stdioServer } from '@mcpwire/stdio'
import { endpoint } from './endpoint.js'
import { tellError } from './report.js'
import { onFirstSignal } from './signals.js'
import { onceEach, told, watched } from './telling.js'
import type { Endpoint, EndpointOptions } from './wire.js'

const NAME = 'mcpwire bridge'

/** What a bridge needs to know. */
export interface BridgeOptions extends EndpointOptions {
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  /** Whether to tell of more than what goes wrong. */
  readonly verbose: boolean
}

/**
 * Makes one conversation of this process's standard streams and a server. Resolves once both are over, with the
 * exit code: 0 in order, 1 otherwise.
 *
 * Supervised means that the server's end is noticed, answered for and told, not that it is started again: what a
 * client negotiated with it went with its process, and a new one would answer as if it knew.
 */
export async function bridge(target: Endpoint, { verbose, ...options }: BridgeOptions): Promise<number> {
  guardStdout()
  const { maxMessageBytes, closeTimeoutMs } = options
  const upstream = await endpoint(target, options)
  const host = stdioServer({
    maxMessageBytes,
    closeTimeoutMs,
    // Answers that are on their way when the input ends, as it does in a shell's pipe.
    drainMs: closeTimeoutMs / 2,
    exitOnClose: false,
  })
  const tell = onceEach((error: Error) => tellError(NAME, error))
  const server = watched(upstream, tell)
  const conversation = pipe(host, verbose ? told(server.transport, NAME) : server.transport, {
    onerror: tell,
    drainTimeoutMs: closeTimeoutMs,
  })
  onFirstSignal(() => void conversation.close())
  const reason = await conversation.closed
  return reason || server.wasUseless ? 1 : 0
}
