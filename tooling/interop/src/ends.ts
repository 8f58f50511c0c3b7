import type { PeerEnd } from './peer.js'

/** Checks that need a stream before the response. JSON responses have none. */
const STREAMED = ['progress', 'sample'] as const
/** Servers of 2026-07-28, and servers without sessions, cannot send requests. */
const SERVER_REQUESTS = ['sample'] as const

export const stdio: PeerEnd = { label: 'stdio', wire: 'stdio' }
export const tcp: PeerEnd = { label: 'tcp', wire: 'tcp' }
export const unix: PeerEnd = { label: 'unix', wire: 'unix' }
export const ws: PeerEnd = { label: 'ws', wire: 'ws' }
export const http: PeerEnd = { label: 'http', wire: 'http' }

/** HTTP against a server of ours, for each format of its responses. */
export const ourFormats: readonly PeerEnd[] = [
  http,
  { ...http, label: 'http, our JSON', ours: ['--mode', 'json'], skip: STREAMED },
  { ...http, label: 'http, our SSE', ours: ['--mode', 'sse'] },
]

/** HTTP against a server of the peer, for each format of its responses. */
export const theirFormats: readonly PeerEnd[] = [
  http,
  { ...http, label: 'http, their JSON', args: ['--mode', 'json'], skip: STREAMED },
]

/** HTTP against a server of the peer that has no sessions. */
export const stateless: PeerEnd = {
  ...http,
  label: 'http, without sessions',
  args: ['--mode', 'stateless'],
  skip: SERVER_REQUESTS,
}

/** HTTP+SSE of a server of ours. */
export const ourHttpSse: PeerEnd = { label: 'http+sse', wire: 'http-sse', ours: ['--mode', 'http-sse'] }
/** HTTP+SSE of a server of the peer. */
export const theirHttpSse: PeerEnd = { label: 'http+sse', wire: 'http-sse' }

/** A server of ours that has only the revisions with sessions. */
export const legacyOnly: PeerEnd = {
  ...http,
  label: 'http, our server has sessions only',
  ours: ['--mode', 'legacy-only'],
}

/** The same with 2026-07-28. `side` is the end that runs the client. */
export function modern(side: 'args' | 'ours', end: PeerEnd): PeerEnd {
  return inEra(side, end, 'modern', '2026-07-28')
}

/** The same with a client that finds out the revision. */
export function automatic(side: 'args' | 'ours', end: PeerEnd): PeerEnd {
  return inEra(side, end, 'auto', 'automatic')
}

/** The same without some checks. */
export function without(end: PeerEnd, ...checks: string[]): PeerEnd {
  return { ...end, skip: [...new Set([...(end.skip ?? []), ...checks])] }
}

function inEra(side: 'args' | 'ours', end: PeerEnd, era: string, name: string): PeerEnd {
  return without(
    { ...end, label: `${end.label}, ${name}`, [side]: [...(end[side] ?? []), '--era', era] },
    ...SERVER_REQUESTS,
  )
}
