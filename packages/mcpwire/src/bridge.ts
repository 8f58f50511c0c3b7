import { type Pipe, pipe, systemClock } from '@mcpwire/core'
import { guardStdout, stdioServer } from '@mcpwire/stdio'
import { endpoint } from './endpoint.js'
import type { Endpoint, EndpointOptions } from './endpoint-provider.js'
import { logTraffic, monitorServer, oncePerError } from './logging.js'
import { log, logError } from './report.js'
import { onFirstSignal } from './signals.js'

const NAME = 'mcpwire bridge'

// host (standard streams) ⇄ stdioServer ⇄ pipe ⇄ monitorServer ⇄ server
//
// open     → draining: the input of the host ended; responses have half of closeTimeoutMs
// draining → closing:  all responses were written, or that time is over
// open     → closing:  the server ended (pending requests fail), or a signal
// closing  → exit:     0 for an orderly end, 1 if the server failed or messages were not delivered
// any      → exit:     a second signal

/** Options of a bridge for standard input and output. */
export interface BridgeOptions extends EndpointOptions {
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  /** Whether to log the start of the server and its traffic, besides errors. */
  readonly verbose: boolean
}

/**
 * Passes messages between the standard streams of this process and a server. Resolves once both ends are closed, with
 * the exit code: 0 for an orderly end, 1 otherwise.
 *
 * A server that ends is not restarted: a new process would not have the state that the client negotiated.
 */
export async function bridge(target: Endpoint, { verbose, ...options }: BridgeOptions): Promise<number> {
  guardStdout()
  const { maxMessageBytes, closeTimeoutMs } = options
  const upstream = await endpoint(target, options)
  // Responses may be on their way when the input ends, as it does in a pipe of a shell.
  const drainMs = closeTimeoutMs / 2
  const host = stdioServer({ maxMessageBytes, closeTimeoutMs, drainMs, exitOnClose: false })
  const report = oncePerError((error: Error) => logError(NAME, error))
  const server = monitorServer(upstream, report)
  let hasSignal = false
  // Before the server starts: a signal without this handler would leave the server behind.
  onFirstSignal(NAME, () => {
    hasSignal = true
    void conversation.close()
  })
  const conversation = pipe(host, verbose ? logTraffic(server.transport, NAME) : server.transport, {
    onError: report,
    drainTimeoutMs: closeTimeoutMs,
  })
  let hasHostEnded = false
  const hostEnded = (): void => {
    if (hasHostEnded || server.transport.state === 'closed') return
    hasHostEnded = true
    // A host kills the bridge 2 seconds or less after it ended the input. The server needs the rest of that time.
    systemClock.deadline(drainMs, () => void conversation.close())
  }
  process.stdin.once('end', hostEnded)
  void host.closed.then(hostEnded)
  const reason = await conversation.closed
  if (reason || server.hasFailed) return 1
  const undelivered = hasSignal ? '' : undeliveredIn(conversation, hasHostEnded)
  if (undelivered !== '') log(NAME, undelivered)
  return undelivered === '' ? 0 : 1
}

/** The messages that the host did not receive before an orderly end, as text. Empty if it received all. */
function undeliveredIn({ missing: { responses: answers, messages } }: Pipe, hasHostEnded: boolean): string {
  const unanswered = answers > 0 ? `${counted(answers, 'request')} not answered` : ''
  // Node may still buffer messages for the reader of standard output.
  const isUnread = messages > 0 || process.stdout.writableLength > 0
  const unread = messages > 0 ? `${counted(messages, 'message')} not read` : 'the last messages were not read'
  if (!isUnread && !hasHostEnded) return unanswered && `${unanswered}: the server ended`
  const undelivered = [unanswered, isUnread ? unread : ''].filter(Boolean).join(', ')
  return undelivered && `${undelivered}; raise --close-timeout-ms`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? ' was' : 's were'}`
}
