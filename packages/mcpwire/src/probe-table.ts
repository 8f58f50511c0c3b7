import type { ProbeReport } from './probe.js'
import { type Cell, type Output, table } from './table.js'

/** The report as a table, at most as wide as the output. */
export function probeTable(report: ProbeReport, output: Output): string {
  const { address, transport, server, eras, protocolVersion, connectMs, tools, roundTrips, error } = report
  const rows: (readonly [string, Cell | undefined])[] = [
    ['health', healthOf(report)],
    ['error', error ? `${error.code === null ? '' : `${error.code}: `}${error.message}` : undefined],
    ['address', address ?? undefined],
    ['transport', transport ? TRANSPORTS[transport] : undefined],
    ['server', server ? `${server.name} ${server.version}` : undefined],
    ['eras', eras.length > 0 ? eras.map((era) => ERAS[era]).join(', ') : undefined],
    ['protocol version', protocolVersion ?? undefined],
    ['connected in', connectMs === null ? undefined : milliseconds(connectMs)],
    ['tools', tools ? `${tools.count}: ${tools.names.join(', ')}` : undefined],
    ['round trips', roundTrips ? `${roundTrips.count} × ${roundTrips.method}` : undefined],
    ['p50 · p90 · p99', roundTrips ? quantilesOf(roundTrips) : undefined],
  ]
  const known = rows.flatMap(([name, cell]): Cell[][] => {
    return cell === undefined ? [] : [[{ text: name, style: 'bold' }, cell]]
  })
  return table(known, output)
}

const TRANSPORTS = {
  stdio: 'standard input and output',
  tcp: 'TCP',
  unix: 'Unix socket',
  ws: 'WebSocket',
  memory: 'memory',
  'streamable-http': 'Streamable HTTP',
  'http+sse': 'HTTP+SSE (2024-11-05)',
} as const
const ERAS = { modern: 'modern (server/discover)', legacy: 'legacy (initialize)' } as const

function healthOf({ healthy }: ProbeReport): Cell {
  return healthy ? { text: 'healthy', style: 'green' } : { text: 'not healthy', style: 'red' }
}

function quantilesOf({ p50Ms, p90Ms, p99Ms }: NonNullable<ProbeReport['roundTrips']>): string {
  return [p50Ms, p90Ms, p99Ms].map(milliseconds).join(' · ')
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(2)} ms`
}
