import { compact, metricLabels } from './format.js'
import type { Results } from './results.js'
import type { Spread } from './statistics.js'
import type { Load } from './suite.js'

const WIDTH = 860
const LABEL_WIDTH = 370
const VALUE_WIDTH = 90
const ROW_HEIGHT = 22
const BAR_HEIGHT = 14
const PANEL_HEAD_HEIGHT = 34
const MARGIN = 16
const COLOURS = { ours: '#2f6f4f', reference: '#8a8a8a', other: '#b9c4cf', whisker: '#303030' } as const

interface Bar {
  readonly label: string
  readonly colour: string
  readonly spread: Spread
}

/** An SVG image of the messages per second of every contestant, with a panel for each load. */
export function chartOf(results: Results): string {
  const panels = results.loads.map((load) => ({ title: load.label, bars: barsOf(results, load) }))
  let y = MARGIN
  const parts: string[] = []
  for (const { title, bars } of panels) {
    parts.push(svgText(MARGIN, y + 14, `${title}: ${metricLabels.messagesPerSecond}`, 'font-weight="600"'))
    y += PANEL_HEAD_HEIGHT - 10
    const most = Math.max(...bars.map(({ spread }) => Math.max(spread.q3, spread.median)))
    for (const bar of bars) {
      parts.push(...row(bar, y, most))
      y += ROW_HEIGHT
    }
    y += 10
  }
  const height = y + MARGIN - 10
  return svgImage({ width: WIDTH, height, title: results.question }, parts)
}

/** A picture of its own: the parts on a white ground. */
export function svgImage(
  { width, height, title }: { readonly width: number; readonly height: number; readonly title: string },
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function barsOf(results: Results, load: Load): Bar[] {
  return results.contestants.flatMap(({ id, label }) => {
    const spread = results.summary[load.id]?.[id]?.messagesPerSecond
    return spread ? [{ label, colour: colourOf(id, results.reference), spread }] : []
  })
}

function colourOf(contestant: string, reference: string): string {
  if (contestant === reference) return COLOURS.reference
  return contestant === 'ours' ? COLOURS.ours : COLOURS.other
}

function row({ label, colour, spread }: Bar, y: number, most: number): string[] {
  const scale = (value: number) => (value / most) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH - MARGIN)
  const middle = y + ROW_HEIGHT / 2
  const end = LABEL_WIDTH + scale(Math.max(spread.median, spread.q3))
  return [
    svgText(LABEL_WIDTH - 8, middle + 4, label, 'text-anchor="end"'),
    `<rect x="${LABEL_WIDTH}" y="${middle - BAR_HEIGHT / 2}" width="${roundTo(scale(spread.median), 1)}" height="${BAR_HEIGHT}" fill="${colour}"/>`,
    `<path d="M${roundTo(LABEL_WIDTH + scale(spread.q1), 1)} ${middle}H${roundTo(LABEL_WIDTH + scale(spread.q3), 1)}" stroke="${COLOURS.whisker}"/>`,
    svgText(roundTo(end + 6, 1), middle + 4, compact(spread.median)),
  ]
}

/** One line of text, with its baseline at `y`. */
export function svgText(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" fill="#202020" ${attributes}>${escapeXml(content)}</text>`
}

/** A number with that many decimals. */
export function roundTo(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
