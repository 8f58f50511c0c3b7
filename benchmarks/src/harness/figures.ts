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
