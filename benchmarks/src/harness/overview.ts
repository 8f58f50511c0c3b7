import { roundTo, svgImage, svgText } from './chart.js'
import { compact } from './format.js'
import type { Results } from './results.js'
import type { Spread } from './statistics.js'

const WIDTH = 760
const LABEL_WIDTH = 250
const BAR_WIDTH = 330
const ROW_HEIGHT = 18
const BAR_HEIGHT = 12
const GROUP_GAP = 14
const MARGIN = 16
const HEAD_HEIGHT = 34
const COLOURS = { ours: '#2f6f4f', sdk: '#b9c4cf' } as const

/** The suites in the picture, each with the load that shows its throughput. */
const WIRES = [
  { suite: 'stdio', load: 'round-trips-64', label: 'stdio' },
  { suite: 'http-json', load: 'round-trips-64', label: 'HTTP, JSON responses' },
  { suite: 'http-sse', load: 'round-trips-64', label: 'HTTP, event streams' },
  { suite: 'sse-stream', load: 'one-way-64', label: 'HTTP, notifications on one stream' },
  { suite: 'unix', load: 'round-trips-64', label: 'Unix sockets' },
  { suite: 'tcp', load: 'round-trips-64', label: 'TCP' },
  { suite: 'ws', load: 'round-trips-64', label: 'WebSocket' },
] as const

/** One wire: our messages per second and those of the faster official SDK, where it has such a transport. */
export interface WireThroughput {
  readonly label: string
  readonly ours: Spread
  readonly sdk: { readonly name: string; readonly spread: Spread } | undefined
}

/** The throughput of each wire that was measured. */
export function throughputByWire(results: ReadonlyMap<string, Results>): WireThroughput[] {
  return WIRES.flatMap(({ suite, load, label }) => {
    const row = results.get(suite)?.summary[load]
    const ours = row?.['ours']?.messagesPerSecond
    if (!ours) return []
    const sdks = (['sdk-v1', 'sdk-v2'] as const).flatMap((id) => {
      const spread = row?.[id]?.messagesPerSecond
      return spread ? [{ name: id === 'sdk-v1' ? 'SDK v1' : 'SDK v2', spread }] : []
    })
    const [sdk] = sdks.sort((a, b) => b.spread.median - a.spread.median)
    return [{ label, ours, sdk }]
  })
}

/** Messages per second of every wire beside the faster official SDK, as an SVG image. Each wire has its own scale. */
export function overviewOf(wires: readonly WireThroughput[]): string {
  let y = MARGIN
  const parts = [
    svgText(MARGIN, y + 10, 'Messages per second, 64 in flight', 'font-weight="600"'),
    svgText(MARGIN, y + 26, 'Each group has its own scale. Longer is better.', 'fill-opacity="0.7"'),
  ]
  y += HEAD_HEIGHT + GROUP_GAP
  for (const { label, ours, sdk } of wires) {
    const most = Math.max(ours.median, sdk?.spread.median ?? 0)
    const ratio = sdk === undefined ? '' : `  (${roundTo(ours.median / sdk.spread.median, 1)} ×)`
    parts.push(svgText(MARGIN, y + 12, label))
    parts.push(...bar('mcpwire', ours.median, most, { y, colour: COLOURS.ours, suffix: ratio }))
    y += ROW_HEIGHT
    if (sdk) parts.push(...bar(sdk.name, sdk.spread.median, most, { y, colour: COLOURS.sdk, suffix: '' }))
    else parts.push(svgText(LABEL_WIDTH + 62, y + 12, 'the SDK has no server for it', 'fill-opacity="0.7"'))
    y += ROW_HEIGHT + GROUP_GAP
  }
  return svgImage({ width: WIDTH, height: y, title: 'Messages per second beside the official SDK' }, parts)
}

interface Place {
  readonly y: number
  readonly colour: string
  readonly suffix: string
}

function bar(name: string, value: number, most: number, { y, colour, suffix }: Place): string[] {
  const x = LABEL_WIDTH + 62
  const width = Math.max(1, roundTo((value / most) * BAR_WIDTH, 1))
  return [
    svgText(x - 8, y + 12, name, 'text-anchor="end"'),
    `<rect x="${x}" y="${y + 2}" width="${width}" height="${BAR_HEIGHT}" fill="${colour}"/>`,
    svgText(x + width + 6, y + 12, `${compact(value)}${suffix}`),
  ]
}
