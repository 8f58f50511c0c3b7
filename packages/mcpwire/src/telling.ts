import { type LatencySummary, meter, type Transport, tap, withLayers } from '@mcpwire/core'
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

/** The transport to a server, telling when it opens, and what passed when it is over. */
export function told(upstream: Transport, name: string): Transport {
  const traffic = meter()
  const opened = tap({
    onOpen: ({ medium, address, pid }) => {
      const verb = medium === 'stdio' ? 'running' : 'connected to'
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
