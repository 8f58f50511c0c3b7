import { createByteBudget, isRequest, type Pipe, pipe, systemClock, TransportError } from '@mcpwire/core'
import { toOwnErrorResponse } from '@mcpwire/core/authoring'
import { guardStdout, stdioServer } from '@mcpwire/stdio'
import { endpoint, mediumOf } from './endpoint.js'
import type { Endpoint, EndpointOptions } from './endpoint-provider.js'
import { logTraffic, type MonitoredServer, monitorServer, oncePerError } from './logging.js'
import { diagnose, log, logError } from './report.js'
import { onFirstSignal } from './signals.js'

const NAME = 'mcpwire bridge'

// host (standard streams) ⇄ stdioServer ⇄ pipe ⇄ monitorServer ⇄ server
//
// open     → draining: the input of the host ended; the server has startTimeoutMs until its first message, and then
//                      drainMs for responses
// draining → closing:  all responses were written, or that time is over: other requests receive an error
// open     → closing:  the server ended, or a signal: pending requests receive an error
// closing  → exit:     0 for an orderly end, 1 if the server failed or messages were not delivered
// any      → exit:     a second signal

/** Options of a bridge for standard input and output. */
export interface BridgeOptions extends EndpointOptions {
  readonly maxMessageBytes: number
  readonly closeTimeoutMs: number
  /** How long requests in flight may take after the input has ended, in milliseconds. */
  readonly drainMs: number
  /** The most bytes that wait for either end, in total. */
  readonly maxTotalBytes: number
  /** How long the server may take until its first message after the input has ended, in milliseconds. */
  readonly startTimeoutMs: number
  /** Whether to log the start of the server and its traffic, besides errors. */
  readonly verbose: boolean
}

/**
 * Passes messages between the standard streams of this process and a server. Resolves once both ends are closed, with
 * the exit code: 0 for an orderly end, 1 otherwise.
 *
 * A server that ends is not restarted: a new process would not have the state that the client negotiated.
 */
export async function bridge(target: Endpoint, options: BridgeOptions): Promise<number> {
  const { verbose, drainMs, startTimeoutMs, maxTotalBytes, ...settings } = options
  guardStdout()
  const { maxMessageBytes, closeTimeoutMs } = settings
  const upstream = await endpoint(target, settings)
  // This bridge limits the drain itself: it ends the server first.
  const host = stdioServer({ maxMessageBytes, closeTimeoutMs, drainMs: Infinity, exitOnClose: false })
  const source = { name: NAME, wire: mediumOf(target) }
  let stopReason: Error | undefined
  const report = oncePerError((error: Error) => {
    if (error !== stopReason) logError(source, error)
  })
  const server = monitorServer(upstream, { source, report })
  const { transport } = server
  /** Ends the server. The pipe then answers pending requests with the reason. */
  const stop = (why: string): void => {
    stopReason ??= new TransportError('CLOSED', why, undefined)
    void transport.close({ reason: stopReason })
  }
  let hasSignal = false
  // Before the server starts: a signal without this handler would leave the server behind.
  onFirstSignal(NAME, () => {
    hasSignal = true
    stop('the bridge was ended by a signal')
  })
  const conversation = pipe(host, verbose ? logTraffic(transport, source) : transport, {
    onError: report,
    drainTimeoutMs: drainMs,
    budget: createByteBudget({ maxTotalBytes }, (error) => logError(source, error)),
    // The host is the client of this user, and may know everything about the server.
    describeError: (error) => diagnose(error).message,
  })
  const hostEnded = once(() => {
    if (transport.state !== 'closed') drain(server, { drainMs, startTimeoutMs, stop })
  })
  process.stdin.once('end', hostEnded)
  void host.closed.then(hostEnded)
  const reason = await conversation.closed
  if (reason && !stopReason && !server.hasInput) await answerHost(reason, { maxMessageBytes, closeTimeoutMs })
  if ((reason && !stopReason) || server.hasFailed) return 1
  const undelivered = hasSignal ? '' : undeliveredIn(conversation, stopReason)
  if (undelivered !== '') log(source, undelivered, 'error')
  return undelivered === '' ? 0 : 1
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) action()
    isDone = true
  }
}

interface DrainLimits {
  readonly drainMs: number
  readonly startTimeoutMs: number
  readonly stop: (why: string) => void
}

/** Ends the server that does not respond in time. The time for responses begins with its first message. */
function drain({ transport, ready }: MonitoredServer, { drainMs, startTimeoutMs, stop }: DrainLimits): void {
  const stopAfter = (ms: number, option: string): Disposable => {
    return systemClock.deadline(ms, () =>
      stop(`the input has ended, and no response came within ${option} (${ms})`),
    )
  }
  let limit = stopAfter(startTimeoutMs, '--start-timeout-ms')
  void ready.then(() => {
    limit[Symbol.dispose]()
    if (transport.state === 'open') limit = stopAfter(drainMs, '--drain-ms')
  })
  void transport.closed.then(() => limit[Symbol.dispose]())
}

/** How long a host may take to send its first request. */
const FIRST_REQUEST_MS = 500

/**
 * Answers the first requests of a host whose server ended before it received one. Hosts show the text to their users,
 * but often not the standard error of the bridge.
 */
async function answerHost(
  reason: Error,
  limits: { readonly maxMessageBytes: number; readonly closeTimeoutMs: number },
): Promise<void> {
  const host = stdioServer({ ...limits, drainMs: 0, exitOnClose: false })
  const { message: text } = diagnose(reason)
  await new Promise<void>((resolve) => {
    const limit = systemClock.deadline(FIRST_REQUEST_MS, resolve)
    const done = (): void => {
      limit[Symbol.dispose]()
      resolve()
    }
    host.onclose = done
    host.onmessage = (message) => {
      if (!isRequest(message)) return
      const response = toOwnErrorResponse(message.id, reason, { delivery: 'none' }, text)
      host.send(response).then(done, done)
    }
    host.start().catch(done)
  })
  await host.close()
}

/** The messages that the host did not receive before an orderly end, as text. Empty if it received all. */
function undeliveredIn(
  { missing: { responses: answers, messages } }: Pipe,
  stopReason: Error | undefined,
): string {
  const unanswered = answers > 0 ? `${counted(answers, 'request')} not answered` : ''
  // Node may still buffer messages for the reader of standard output.
  const isBuffered = process.stdout.writableLength > 0
  const unread =
    messages > 0
      ? `${counted(messages, 'message')} not read: raise --drain-ms`
      : isBuffered
        ? 'the last messages were not read: raise --close-timeout-ms'
        : ''
  const why = unanswered && `${unanswered}: ${stopReason?.message ?? 'the server ended'}`
  return [why, unread].filter(Boolean).join('; ')
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? ' was' : 's were'}`
}
