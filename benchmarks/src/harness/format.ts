import type { Metric } from './figures.js'

/** A figure in short form: `1.05 M`, `382 k`, `4.71`. */
export function compact(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e9) return `${digits(value / 1e9)} G`
  if (size >= 1e6) return `${digits(value / 1e6)} M`
  if (size >= 10_000) return `${digits(value / 1000)} k`
  return digits(value)
}

/** The name and unit of a metric, for table heads. */
export const metricLabels: Readonly<Record<Metric, string>> = {
  messages: 'messages',
  messagesPerSecond: 'messages/s',
  microsPerMessage: 'µs/message',
  cpuMicrosPerMessage: 'CPU µs/message',
  rssBytes: 'resident bytes',
  megabytesPerSecond: 'MB/s',
  p50Micros: 'p50 µs',
  p99Micros: 'p99 µs',
  serverCpuMicrosPerMessage: 'server CPU µs/message',
  serverRssBytes: 'server resident bytes',
  connections: 'connections',
  bytesPerConnection: 'bytes/connection',
}

/** `+4.2 %`. */
export function percent(share: number): string {
  return `${share >= 0 ? '+' : '−'}${(Math.abs(share) * 100).toFixed(1)} %`
}

/** Rows as text with aligned columns. The first row is the head. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = widthsOf(rows)
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/**
 * Rows as a Markdown table, aligned like the formatter does. The first row is the head. The first column is text, the
 * others are numbers.
 */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = widthsOf(rows).map((width) => Math.max(width, LEAST_COLUMN_WIDTH))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  const [head = '', ...body] = rows.map((row) =>
    line(
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      ),
    ),
  )
  return [head, line(rule), ...body].join('\n')
}

const LEAST_COLUMN_WIDTH = 4

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  return (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
}

function digits(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  return size >= 10 ? value.toFixed(1) : value.toFixed(2)
}
