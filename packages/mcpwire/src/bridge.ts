import { type LatencySummary, meter, pipe, type Transport, tap, withLayers } from '@mcpwire/core'
import { guardStdout, stdioServer } from '@mcpwire/stdio'
import { endpoint } from './endpoint.js'
import { say, tellError } from './report.js'
import { onFirstSignal } from './signals.js'
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
  const conversation = pipe(host, verbose ? told(upstream) : upstream, {
    onerror: onceEach((error) => tellError(NAME, error)),
    drainTimeoutMs: closeTimeoutMs,
  })
  onFirstSignal(() => void conversation.close())
  const reason = await conversation.closed
  return reason ? 1 : 0
}

/** What ended one end ends the other, and both report it. */
function onceEach(tell: (error: Error) => void): (error: Error) => void {
  const seen = new WeakSet<Error>()
  return (error) => {
    if (seen.has(error)) return
    seen.add(error)
    tell(error)
  }
}

/** The transport, telling when it opens, and what passed when it is over. */
function told(upstream: Transport): Transport {
  const traffic = meter()
  const opened = tap({
    onOpen: ({ address, pid }) => {
      say(NAME, `running ${address}${pid === undefined ? '' : `, process ${pid}`}`)
    },
  })
  const transport = withLayers(upstream, opened, traffic.layer)
  void transport.closed.then(() => {
    const { sent, received } = traffic.snapshot()
    const passed = `${sent.messages} messages to the server, ${received.messages} from it`
    say(NAME, `over: ${passed}; ${answers(sent.latency)}`)
  })
  return transport
}

function answers({ count, p50, p99 }: LatencySummary): string {
  if (p50 === undefined || p99 === undefined) return 'no request was answered'
  return `${count} requests answered, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
}
