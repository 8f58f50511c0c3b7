/** A summary of durations, in milliseconds. */
export interface LatencySummary {
  readonly count: number
  /** The median; `undefined` without durations. */
  readonly p50: number | undefined
  readonly p90: number | undefined
  readonly p99: number | undefined
  /** The longest duration, exact. */
  readonly max: number | undefined
}

/** Records durations and computes their quantiles. */
export interface LatencyHistogram {
  /** Records one duration, in milliseconds. */
  record(ms: number): void
  summary(): LatencySummary
}

/** The middle of a cell is at most 1/64 of the cell's lower edge away from any duration in it. */
const CELLS_PER_OCTAVE = 32
const OCTAVES = 40
const MICROSECONDS_PER_MS = 1_000

/**
 * Makes a log-linear histogram of durations. Quantiles are within 1.6 % of a recorded duration, from one microsecond to
 * twelve days. Shorter durations count as a microsecond. It needs 10 KiB for any number of durations.
 *
 * @example
 * ```ts
 * const latency = createLatencyHistogram()
 * latency.record(12.5)
 * console.log(latency.summary().p99)
 * ```
 */
export function createLatencyHistogram(): LatencyHistogram {
  const cells = new Float64Array(OCTAVES * CELLS_PER_OCTAVE)
  let count = 0
  let max = 0

  /** The smallest duration that at least `share` of all durations do not exceed, to the precision of a cell. */
  function quantile(share: number): number | undefined {
    if (count === 0) return undefined
    const rank = Math.ceil(share * count)
    let seen = 0
    let cell = -1
    while (seen < rank) seen += cells[++cell] as number
    return Math.min(middleOf(cell), max)
  }

  return {
    record(ms) {
      const cell = cellOf(ms * MICROSECONDS_PER_MS)
      cells[cell] = (cells[cell] as number) + 1
      count++
      if (ms > max) max = ms
    },
    summary: () => ({
      count,
      p50: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
      max: count === 0 ? undefined : max,
    }),
  }
}

function cellOf(microseconds: number): number {
  if (!(microseconds > 1)) return 0
  // Just below a power of two, the logarithm may round up. The clamp then selects the next cell.
  const octave = Math.floor(Math.log2(microseconds))
  const position = Math.floor((microseconds / 2 ** octave - 1) * CELLS_PER_OCTAVE)
  const cell = octave * CELLS_PER_OCTAVE + Math.max(position, 0)
  return Math.min(cell, OCTAVES * CELLS_PER_OCTAVE - 1)
}

/** The middle of a cell, in milliseconds. */
function middleOf(cell: number): number {
  const octave = Math.floor(cell / CELLS_PER_OCTAVE)
  const position = (cell % CELLS_PER_OCTAVE) + 0.5
  return (2 ** octave * (1 + position / CELLS_PER_OCTAVE)) / MICROSECONDS_PER_MS
}
