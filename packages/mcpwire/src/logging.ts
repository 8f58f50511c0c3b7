import {
  isRequest,
  isTransportError,
  type LatencySummary,
  type Layer,
  meter,
  type Transport,
  tap,
  withLayers,
} from '@mcpwire/core'
import { sentImmediately, toError } from '@mcpwire/core/authoring'
import { log } from './report.js'

/** Reports each error once: the error that ended one end also ends the other, and both report it. */
export function oncePerError<T extends unknown[]>(
  report: (error: Error, ...rest: T) => void,
): (error: Error, ...rest: T) => void {
  const reported = new WeakSet<Error>()
  return (error, ...rest) => {
    if (reported.has(error)) return
    reported.add(error)
    report(error, ...rest)
  }
}

/** A server, and whether it worked at all. */
export interface MonitoredServer {
  readonly transport: Transport
  /** Whether the server failed, or requests to it failed, and it never sent a message. */
  readonly hasFailed: boolean
}

/**
 * Reports why requests to a server fail. The client receives a response without the reason, which may name addresses
 * that are not public. Repeated failures are reported once.
 */
export function monitorServer(upstream: Transport, report: (error: Error) => void): MonitoredServer {
  let receivedCount = 0
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
          receivedCount++
          sink.message(...received)
        },
      }
      const channel = await next.connect(monitoredSink, signal)
      return {
        ...channel,
        send: (message, options) => {
          const sent = channel.send(message, options)
          if (isRequest(message) && sent !== sentImmediately) sent.catch(sendFailed)
          return sent
        },
      }
    },
  })
  const transport = withLayers(upstream, monitor)
  return {
    transport,
    get hasFailed() {
      return failureCount > 0 && receivedCount === 0
    },
  }
}

/** Logs when the transport opens, and its traffic when it closes. */
export function logTraffic(upstream: Transport, name: string): Transport {
  const traffic = meter()
  const opened = tap({
    onOpen: ({ medium, address, pid }) => {
      const verb = medium === 'stdio' ? 'running' : medium === 'http' ? 'calling' : 'connected to'
      log(name, `${verb} ${address}${pid === undefined ? '' : `, process ${pid}`}`)
    },
  })
  const transport = withLayers(upstream, opened, traffic.layer)
  void transport.closed.then(() => {
    const { sent, received } = traffic.snapshot()
    const messages = `${sent.messages} messages to the server, ${received.messages} from it`
    log(name, `closed: ${messages}; ${summaryOf(sent.latency)}`)
  })
  return transport
}

function summaryOf({ count, p50, p99 }: LatencySummary): string {
  if (p50 === undefined || p99 === undefined) return 'no request was answered'
  return `${count} requests answered, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
}
