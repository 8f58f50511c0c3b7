import type { Readable } from 'node:stream'
import {
  type Clock,
  isRequest,
  isTransportError,
  type LatencySummary,
  type Layer,
  meter,
  systemClock,
  type Transport,
  tap,
  withLayers,
} from '@mcpwire/core'
import { Burst, deferred, sentImmediately, toError } from '@mcpwire/core/authoring'
import { type LogSource, writeLog } from './log-lines.js'
import { diagnose, log, logError } from './report.js'

/**
 * Reports each error once: the error that ended one end also ends the other, and both report it. A server that is
 * restarted and exits in the same way is reported once, too.
 */
export function oncePerError<T extends unknown[]>(
  report: (error: Error, ...rest: T) => void,
): (error: Error, ...rest: T) => void {
  const reported = new WeakSet<Error>()
  let lastExit = ''
  return (error, ...rest) => {
    const isExit = isTransportError(error, 'PROCESS_EXITED')
    if (reported.has(error) || (isExit && error.message === lastExit)) return
    if (isExit) lastExit = error.message
    reported.add(error)
    report(error, ...rest)
  }
}

/**
 * Logs errors of one kind together, where there are many: the first at once, and the last of each following second with
 * their number. Errors with the same code and option are of one kind.
 */
export function logInBursts(clock: Clock = systemClock): typeof logError {
  const bursts = new Map<string, { readonly burst: Burst; last: Parameters<typeof logError> }>()
  return (...logged) => {
    const [, error, end] = logged
    const { code, option } = diagnose(error, end)
    const kind = `${code ?? error.name} ${option}`
    let found = bursts.get(kind)
    if (!found) {
      const burst = new Burst(clock, (count) => {
        const [source, last, side] = bursts.get(kind)?.last ?? logged
        logError(source, last, side, count)
      })
      found = { burst, last: logged }
      bursts.set(kind, found)
    }
    found.last = logged
    found.burst.add()
  }
}

/** A server, and whether it worked at all. */
export interface MonitoredServer {
  readonly transport: Transport
  /** Resolves with the first message of the server. */
  readonly ready: Promise<void>
  /** Whether a message was sent to the server. */
  readonly hasInput: boolean
  /** Whether the server failed, or requests to it failed, and it never sent a message. */
  readonly hasFailed: boolean
}

/** Options of a monitored server. */
export interface MonitorOptions {
  /** The source of log lines about the server. */
  readonly source: LogSource
  readonly report: (error: Error) => void
  readonly clock?: Clock | undefined
}

/**
 * Reports why requests to a server fail: a client on the network receives a response without the reason, which may name
 * addresses that are not public. Repeated failures are reported once. Logs the standard error of the server, where the
 * transport has it as a stream, and a warning for a server that leaves its first request without a response.
 */
export function monitorServer(
  upstream: Transport,
  { source, report, clock = systemClock }: MonitorOptions,
): MonitoredServer {
  logOutput(upstream, source)
  let silence: Disposable | undefined
  const ready = deferred()
  const startSilence = (): void => {
    const { address } = transport.peer ?? {}
    silence ??= clock.deadline(SILENCE_MS, () =>
      log(source, `${address} has not responded for ${SILENCE_MS / 1_000} s`, 'warn'),
    )
  }
  let receivedCount = 0
  let sentCount = 0
  let failureCount = 0
  let lastMessage = ''
  const sendFailed = (thrown: unknown): void => {
    // A requested close interrupts requests. That is no failure.
    if (transport.state === 'closing') return
    const error = toError(thrown)
    failureCount++
    if (isTransportError(error, 'CLOSED') || error.message === lastMessage) return
    lastMessage = error.message
    report(error)
  }
  const monitor: Layer = (next) => ({
    connect: async (sink, signal) => {
      const monitoredSink = {
        ...sink,
        error: (error: Error) => {
          // A process may exit with an error after its input ended, without a failed request.
          if (isTransportError(error, 'PROCESS_EXITED')) failureCount++
          sink.error(error)
        },
        message: (...received: Parameters<typeof sink.message>) => {
          if (receivedCount++ === 0) {
            silence?.[Symbol.dispose]()
            ready.resolve()
          }
          sink.message(...received)
        },
      }
      const channel = await next.connect(monitoredSink, signal)
      return {
        ...channel,
        send: (message, options) => {
          sentCount++
          if (receivedCount === 0 && isRequest(message)) startSilence()
          const sent = channel.send(message, options)
          if (isRequest(message) && sent !== sentImmediately) sent.catch(sendFailed)
          return sent
        },
      }
    },
  })
  const transport = withLayers(upstream, monitor)
  void transport.closed.then(() => silence?.[Symbol.dispose]())
  return {
    transport,
    ready: ready.promise,
    get hasInput() {
      return sentCount > 0
    },
    get hasFailed() {
      return failureCount > 0 && receivedCount === 0
    },
  }
}

/** How long a server may leave its first request without a response before a warning. */
const SILENCE_MS = 10_000

/** The longest line of output, in characters. A longer one is split. */
const MAX_LINE = 8_192

/** Logs the standard error of a server line by line, where the transport has it as a stream. */
function logOutput(transport: Transport, source: LogSource): void {
  const { stderr } = transport as { stderr?: Readable | null }
  if (!stderr) return
  let rest = ''
  const writeLine = (text: string): void => {
    if (text.trim() !== '') writeLog(source, { level: 'info', text, stream: 'stderr' })
  }
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r\n|[\r\n]/)
    rest = lines.pop() ?? ''
    for (const line of lines) writeLine(line)
    if (rest.length > MAX_LINE) {
      writeLine(rest)
      rest = ''
    }
  })
  stderr.once('end', () => writeLine(rest))
}

/** Logs when the transport opens, and its traffic when it closes. */
export function logTraffic(upstream: Transport, source: LogSource): Transport {
  const traffic = meter()
  const opened = tap({
    onOpen: ({ medium, address, pid }) => {
      const verb = medium === 'stdio' ? 'running' : medium === 'http' ? 'calling' : 'connected to'
      log(source, `${verb} ${address}${pid === undefined ? '' : `, process ${pid}`}`, 'debug')
    },
  })
  const transport = withLayers(upstream, opened, traffic.layer)
  void transport.closed.then(() => {
    const { sent, received } = traffic.snapshot()
    const messages = `${sent.messages} messages to the server, ${received.messages} from it`
    log(source, `closed: ${messages}; ${summaryOf(sent.latency)}`, 'debug')
  })
  return transport
}

function summaryOf({ count, p50, p99 }: LatencySummary): string {
  if (p50 === undefined || p99 === undefined) return 'no request was answered'
  return `${count} requests answered, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
}
