import { spreadOf } from './statistics.js'

/** The figures of one contestant under one load in one round. */
export interface Figures {
  readonly messages: number
  readonly messagesPerSecond: number
  readonly microsPerMessage: number
  /** Of all processes. */
  readonly cpuMicrosPerMessage: number
  readonly rssBytes: number
  readonly megabytesPerSecond?: number
  readonly p50Micros?: number
  readonly p99Micros?: number
  readonly serverCpuMicrosPerMessage?: number
  readonly serverRssBytes?: number
  /** How many connections were open, in suites about their number. */
  readonly connections?: number
  /** The growth of both processes since before the first connection, per connection. */
  readonly bytesPerConnection?: number
}

export type Metric = keyof Figures

/** Whether a larger value is better. */
export function isMoreBetter(metric: Metric): boolean {
  return metric === 'messages' || metric === 'messagesPerSecond' || metric === 'megabytesPerSecond'
}

/** Merges the figures of the slices of a measurement: medians, and the sum of the messages. */
export function merged(parts: readonly Figures[]): Figures {
  const [first, ...others] = parts
  if (!first) throw new Error('no slice was measured')
  if (others.length === 0) return first
  const messages = parts.reduce((sum, part) => sum + part.messages, 0)
  const medians: Partial<Record<Metric, number>> = {}
  for (const metric of Object.keys(first) as Metric[]) {
    medians[metric] = spreadOf(parts.map((part) => part[metric] ?? Number.NaN)).median
  }
  return { ...first, ...medians, messages }
}
