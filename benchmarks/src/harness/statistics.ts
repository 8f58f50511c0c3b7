/** The median and the quartiles of measured values. */
export interface Spread {
  readonly median: number
  readonly q1: number
  readonly q3: number
}

/** The value below which a share of the sorted values lies, interpolated. `NaN` for none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN
  const position = (sorted.length - 1) * share
  const below = Math.floor(position)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (high - low) * (position - below)
}

/** Median and quartiles, of values in any order. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), q1: quantile(sorted, 0.25), q3: quantile(sorted, 0.75) }
}

/** The distance between the quartiles. */
export function iqrOf({ q1, q3 }: Spread): number {
  return q3 - q1
}

/**
 * The exponent e of the best fit of y ≈ c·xᵉ: 1 where y is proportional to x, 2 where it is quadratic.
 * `NaN` for fewer than two points.
 */
export function exponentOf(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 2) return Number.NaN
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return covariance / variance
}
