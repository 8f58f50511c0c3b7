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
import { say } from './report.js'

/** Tells each error once: what ended one end ends the other, and both report it. */
export function onceEach<T extends unknown[]>(
  tell: (error: Error, ...rest: T) => void,
): (error: Error, ...rest: T) => void {
  const seen = new WeakSet<Error>()
  return (error, ...rest) => {
    if (seen.has(error)) return
    seen.add(error)
    tell(error, ...rest)
  }
}

/** A server, and whether it was of any use. */
export interface WatchedServer {
  readonly transport: Transport
  /** Whether nothing ever came from it, and it failed or requests could not be passed on. */
  readonly wasUseless: boolean
}

/**
 * The transport to a server, telling why requests cannot be passed on: those who asked are answered without saying so,
 * since what is wrong may name places that are not for them. What repeats itself is told once.
 */
export function watched(upstream: Transport, tell: (error: Error) => void): WatchedServer {
  let [heard, failed, last] = [0, 0, '']
  const failing = (thrown: unknown): void => {
    // What was cut short by an end that was asked for did not fail.
    if (transport.state === 'closing') return
    const error = toError(thrown)
    failed++
    if (isTransportError(error, 'CLOSED') || error.message === last) return
    last = error.message
    tell(error)
  }
  const watch: Layer = (next) => ({
    connect: async (sink, signal) => {
      const hearing = {
        ...sink,
        error: (error: Error) => {
          // As of one that had not failed yet when its input ended.
          if (isTransportError(error, 'PROCESS_EXITED')) failed++
          sink.error(error)
        },
        message: (...arrived: Parameters<typeof sink.message>) => {
          heard++
          sink.message(...arrived)
        },
      }
      const channel = await next.connect(hearing, signal)
      return {
        ...channel,
        send: (message, options) => {
          const sent = channel.send(message, options)
          if (isRequest(message) && sent !== sentImmediately) sent.catch(failing)
          return sent
        },
      }
    },
  })
  const transport = withLayers(upstream, watch)
  return {
    transport,
    get wasUseless() {
      return failed > 0 && heard === 0
    },
  }
}

/** The transport to a server, telling when it opens, and what passed when it is over. */
export function told(upstream: Transport, name: string): Transport {
  const traffic = meter()
  const opened = tap({
    onOpen: ({ medium, address, pid }) => {
      const verb = medium === 'stdio' ? 'running' : medium === 'http' ? 'calling' : 'connected to'
      say(name, `${verb} ${address}${pid === undefined ? '' : `, process ${pid}`}`)
    },
  })
  const transport = withLayers(upstream, opened, traffic.layer)
  void transport.closed.then(() => {
    const { sent, received } = traffic.snapshot()
    const passed = `${sent.messages} messages to the server, ${received.messages} from it`
    say(name, `over: ${passed}; ${answers(sent.latency)}`)
  })
  return transport
}

function answers({ count, p50, p99 }: LatencySummary): string {
  if (p50 === undefined || p99 === undefined) return 'no request was answered'
  return `${count} requests answered, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
}
