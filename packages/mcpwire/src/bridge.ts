import { type Pipe, pipe, systemClock } from '@mcpwire/core'
import { guardStdout, stdioServer } from '@mcpwire/stdio'
import { endpoint } from './endpoint.js'
import { say, tellError } from './report.js'
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
 * MonitoredConnection means that the server's end is noticed, answered for and told, not that it is started again: what a
 * client negotiated with it went with its process, and a new one would answer as if it knew.
 */
export async function bridge(target: Endpoint, { verbose, ...options }: BridgeOptions): Promise<number> {
  guardStdout()
  const { maxMessageBytes, closeTimeoutMs } = options
  const upstream = await endpoint(target, options)
  // Answers that are on their way when the input ends, as it does in a shell's pipe.
  const drainMs = closeTimeoutMs / 2
  const host = stdioServer({ maxMessageBytes, closeTimeoutMs, drainMs, exitOnClose: false })
  const tell = onceEach((error: Error) => tellError(NAME, error))
  const server = watched(upstream, tell)
  let isToldToEnd = false
  // Before there is a server: it would stay behind a process that a signal ends by itself.
  onFirstSignal(NAME, () => {
    isToldToEnd = true
    void conversation.close()
  })
  const conversation = pipe(host, verbose ? told(server.transport, NAME) : server.transport, {
    onError: tell,
    drainTimeoutMs: closeTimeoutMs,
  })
  let hasHostEnded = false
  const hostEnded = (): void => {
    if (hasHostEnded || server.transport.state === 'closed') return
    hasHostEnded = true
    // Whoever ends the input waits for 2 seconds or less until it kills: the server needs the rest of them.
    systemClock.deadline(drainMs, () => void conversation.close())
  }
  process.stdin.once('end', hostEnded)
  void host.closed.then(hostEnded)
  const reason = await conversation.closed
  if (reason || server.wasUseless) return 1
  const missing = isToldToEnd ? '' : missingIn(conversation, hasHostEnded)
  if (missing !== '') say(NAME, missing)
  return missing === '' ? 0 : 1
}

/** What the host never got of a conversation that ended in order; empty where that is nothing. */
function missingIn({ missing: { responses: answers, messages } }: Pipe, hasHostEnded: boolean): string {
  const unanswered = answers > 0 ? `${counted(answers, 'request')} not answered` : ''
  // What was taken may still wait for whoever reads standard output.
  const isUnread = messages > 0 || process.stdout.writableLength > 0
  const unread = messages > 0 ? `${counted(messages, 'message')} not read` : 'the last messages were not read'
  if (!isUnread && !hasHostEnded) return unanswered && `${unanswered}: the server ended`
  const missing = [unanswered, isUnread ? unread : ''].filter(Boolean).join(', ')
  return missing && `${missing}; --close-timeout-ms allows for more`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? ' was' : 's were'}`
}
