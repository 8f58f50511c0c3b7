import { spreadOf } from './statistics.js'

/** What one contestant showed under one load in one round. */
export interface Figures {
  readonly messages: number
  readonly messagesPerSecond: number
  readonly microsPerMessage: number
  /** Of all processes, where there are several. */
  readonly cpuMicrosPerMessage: number
  readonly rssBytes: number
  readonly megabytesPerSecond?: number
  readonly p50Micros?: number
  readonly p99Micros?: number
  readonly serverCpuMicrosPerMessage?: number
  readonly serverRssBytes?: number
  /** How many were open, where there were several. */
  readonly connections?: number
  /** What both processes hold beyond what they held before the first connection, for each. */
  readonly bytesPerConnection?: number
}

export type Metric = keyof Figures

/** Whether more of it is better. */
export function isMoreBetter(metric: Metric): boolean {
  return metric === 'messages' || metric === 'messagesPerSecond' || metric === 'megabytesPerSecond'
}

/** The figures of one measurement that was taken in turns: the median of each, and the messages of all. */
export function merged(parts: readonly Figures[]): Figures {
  const [first, ...others] = parts
  if (!first) throw new Error('nothing was measured')
  if (others.length === 0) return first
  const messages = parts.reduce((sum, part) => sum + part.messages, 0)
  const medians: Partial<Record<Metric, number>> = {}
  for (const metric of Object.keys(first) as Metric[]) {
    medians[metric] = spreadOf(parts.map((part) => part[metric] ?? Number.NaN)).median
  }
  return { ...first, ...medians, messages }
}
