import type { Metric } from './figures.js'

/** A number that is computed in each round, so that a drift of the machine cancels out. */
export type Quantity =
  /** The figure of one contestant divided by that of another, or by the best of several. */
  | Of<'ratio', { readonly to: string | readonly string[]; readonly load: string }>
  /** The difference between the figures of two contestants, divided by `per`. */
  | Of<'difference', { readonly minus: string; readonly load: string; readonly per?: number }>
  /** The growth of a figure with the `bytes` of the loads: 1 is linear. */
  | Of<'exponent', { readonly loads: readonly string[] }>

type Of<K extends string, More> = { readonly kind: K; readonly of: string; readonly metric: Metric } & More

/** A target for the committed results of one suite. */
export interface Target {
  readonly suite: string
  readonly id: string
  /** The target as text. */
  readonly claim: string
  readonly quantity: Quantity
  readonly atLeast?: number
  readonly atMost?: number
}

/** All targets, also of suites without results. */
export const targets: readonly Target[] = [
  ...layerTargets(),
  ...gateTargets(),
  ...framingTargets(),
  ...streamTargets('byte-stream', 'sdk'),
  ...streamTargets('stdio', 'sdk'),
  ...streamTargets('unix'),
  ...streamTargets('tcp'),
  throughput('ws', 'naive', 1.8, 'round-trips-64', 'a plain ws echo'),
  throughput('ws', 'naive', 1.1, 'round-trips-64-2000', 'a plain ws echo, 2 kB'),
  latency('ws'),
  throughput('http-json', 'undici-request', 1, 'round-trips-64', 'undici request + bare node:http'),
  latency('http-json', 'undici-request'),
  atMost('http-json', ['sdk-v1', 'sdk-v2'], 1 / 5, 'latency-sdk', 'a fifth of the official SDK'),
  throughput('http-sse', 'undici-request', 1, 'round-trips-64', 'undici request + bare node:http'),
  latency('http-sse', 'undici-request'),
  ...['http-json', 'http-sse'].flatMap((suite) => modernTargets(suite)),
  throughput('sse-stream', 'bare-stream', 1.2, 'one-way-64', 'a bare stream that writes each event'),
  throughput('sse-stream', ['sdk-v1', 'sdk-v2'], 10, 'one-way-64', 'the official SDK'),
  throughput('bridge', 'relay', 0.85, 'round-trips-64', 'a parse-and-stringify relay'),
  {
    suite: 'bridge',
    id: 'cpu',
    claim: 'CPU per message ≤ 1.25 × that of a parse-and-stringify relay',
    quantity: ratio('relay', 'round-trips-64', 'cpuMicrosPerMessage'),
    atMost: 1.25,
  },
  {
    suite: 'bridge',
    id: 'latency',
    claim: 'p50 at most 50 µs above a parse-and-stringify relay, 1 in flight',
    quantity: { kind: 'difference', of: 'ours', minus: 'relay', load: 'round-trips-1', metric: 'p50Micros' },
    atMost: 50,
  },
  ...['tcp', 'ws', 'http'].flatMap((wire) => scaleTargets(wire)),
]

function layerTargets(): Target[] {
  const layer = (of: string, per: number, micros: number, what: string): Target => ({
    suite: 'memory-pair',
    id: `cost-of-${of}`,
    claim: `${what} costs ≤ ${micros} µs per message`,
    quantity: {
      kind: 'difference',
      of,
      minus: 'ours',
      per,
      load: 'round-trips-64',
      metric: 'cpuMicrosPerMessage',
    },
    atMost: micros,
  })
  return [
    layer('layers-1', 1, 1, 'the first layer'),
    layer('layers-2', 2, 1, 'each of two layers'),
    layer('layers-4', 4, 1, 'each of four layers'),
    layer('tap', 1, 1, 'tap'),
    layer('meter', 1, 5, 'meter, which keeps tables,'),
  ]
}

function gateTargets(): Target[] {
  const decision = (of: string, micros: number, what: string): Target => ({
    suite: 'gates',
    id: `cost-of-${of}`,
    claim: `${what}: ≤ ${micros} µs`,
    quantity: {
      kind: 'difference',
      of,
      minus: 'allow-all',
      load: 'decisions',
      metric: 'cpuMicrosPerMessage',
    },
    atMost: micros,
  })
  return [
    decision('api-key', 10, 'an API key of ten'),
    decision('jwt-first', 150, 'the first verification of an RS256 token'),
    decision('jwt-again', 5, 'a further use of the token'),
  ]
}

function framingTargets(): Target[] {
  const overhead = (load: string, what: string): Target => ({
    suite: 'framing',
    id: `overhead-${load}`,
    claim: `${what}: ≤ 1.5 × decoding and JSON.parse of the same bytes`,
    quantity: ratio('floor', load, 'microsPerMessage'),
    atMost: 1.5,
  })
  return [
    overhead('text-1m-64k', '1 MB'),
    overhead('text-10m-64k', '10 MB'),
    overhead('text-40m-64k', '40 MB'),
    overhead('text-40m-16k', '40 MB in chunks of 16 KiB'),
    overhead('rows-40m-64k', '40 MB of small objects'),
    {
      suite: 'framing',
      id: 'linear',
      claim: 'time grows as bytes^e with e ≤ 1.15 from 1 to 40 MB',
      quantity: {
        kind: 'exponent',
        of: 'ours',
        loads: ['text-1m-64k', 'text-10m-64k', 'text-40m-64k'],
        metric: 'microsPerMessage',
      },
      atMost: 1.15,
    },
  ]
}

function streamTargets(suite: string, sdk?: 'sdk'): Target[] {
  return [
    throughput(suite, 'best', 0.9, 'round-trips-64', 'the best floor'),
    ...(sdk ? [throughput(suite, ['sdk-v1', 'sdk-v2'], 2, 'round-trips-64', 'the faster official SDK')] : []),
    latency(suite, ['naive', 'best']),
  ]
}

/** The revision without sessions. Its requests have more metadata, and so do those of its floor. */
function modernTargets(suite: string): Target[] {
  const targets = [
    throughput(suite, 'undici-request-modern', 1, 'round-trips-64', 'undici request + bare node:http'),
    latency(suite, 'undici-request-modern'),
  ]
  return targets.map(({ id, claim, quantity, ...rest }) => ({
    ...rest,
    id: `modern-${id}`,
    claim: `without sessions, ${claim}`,
    quantity: { ...quantity, of: 'ours-modern' },
  }))
}

function scaleTargets(wire: string): Target[] {
  const atCount = (load: string, count: string, metric: Metric, what: string): Target => ({
    suite: `scale-${wire}`,
    id: `${metric}-${load}`,
    claim: `${what} ≤ 1.3 × the bare socket's at ${count}`,
    quantity: ratio('bare', load, metric),
    atMost: 1.3,
  })
  const counts = [
    ['connections-1', '1 connection'],
    ['connections-100', '100 connections'],
    ['connections-many', 'the most connections'],
  ] as const
  return [
    ...counts.map(([load, count]) => atCount(load, count, 'cpuMicrosPerMessage', 'CPU per message')),
    // The memory of a few connections is small beside that of the process.
    ...counts.slice(0, 2).map(([load, count]) => atCount(load, count, 'rssBytes', 'memory')),
    atCount('connections-many', 'the most connections', 'bytesPerConnection', 'memory of both ends of each'),
  ]
}

function throughput(
  suite: string,
  to: string | readonly string[],
  atLeast: number,
  load: string,
  what: string,
): Target {
  return {
    suite,
    id: `${load}-vs-${typeof to === 'string' ? to : 'sdk'}`,
    claim: `messages/s ≥ ${atLeast} × ${what}`,
    quantity: ratio(to, load, 'messagesPerSecond'),
    atLeast,
  }
}

function latency(suite: string, to: string | readonly string[] = 'naive'): Target {
  return atMost(suite, to, 1.15, 'latency', '1.15 × the floor')
}

function atMost(
  suite: string,
  to: string | readonly string[],
  limit: number,
  id: string,
  what: string,
): Target {
  const quantity = ratio(to, 'round-trips-1', 'p50Micros')
  return { suite, id, claim: `p50 with 1 in flight ≤ ${what}`, quantity, atMost: limit }
}

function ratio(to: string | readonly string[], load: string, metric: Metric): Quantity {
  return { kind: 'ratio', of: 'ours', to, load, metric }
}
