import { type Clock, isJsonRpcError, isTransportError, systemClock, type Transport } from '@mcpwire/core'
import { createLatencyHistogram } from '@mcpwire/core/authoring'
import { type Conversation, type Dial, type Era, initialize, negotiate } from './negotiate.js'
import { type Diagnosis, describeError } from './report.js'

/** How to probe. */
export interface ProbeOptions {
  /** How many round trips to time. */
  readonly count: number
  /** How long to wait for each answer, in milliseconds. */
  readonly timeoutMs: number
  /** Where the server is, for as long as its transport does not know. */
  readonly address?: string | undefined
  /** Hears what goes wrong without ending the probe. */
  readonly onerror?: ((error: Error) => void) | undefined
  readonly clock?: Clock | undefined
}

/** What a probe found out, as `--json` prints it. What it did not get to know is `null`. */
export interface ProbeReport {
  /** Whether the server answered all that it was asked. */
  healthy: boolean
  address: string | null
  /** The eras it speaks: `modern` is server/discover as of 2026-07-28, `legacy` is initialize. */
  eras: Era[]
  /** The revision that the tools were listed with. */
  protocolVersion: string | null
  server: { name: string; version: string } | null
  /** From the start of the process to the end of the negotiation. */
  connectMs: number | null
  /** `null` also for a server that says it has none. */
  tools: { count: number; names: string[] } | null
  roundTrips: {
    method: string
    count: number
    p50Ms: number
    p90Ms: number
    p99Ms: number
    maxMs: number
  } | null
  /** Why the server is not healthy. */
  error: Diagnosis | null
}

/** A server that never stops naming tools is none to list them all of. */
const MAX_TOOL_PAGES = 100

/**
 * Connects to a server, says what it is and how fast it answers. Never rejects for what a server does: that is in
 * the report. Connects once more to learn whether a server of 2026-07-28 speaks `initialize` as well.
 *
 * Rejects with `INVALID_OPTION` where an option cannot work.
 */
export async function probe(connect: () => Promise<Transport>, options: ProbeOptions): Promise<ProbeReport> {
  const { count, timeoutMs, address: place = 'the server', onerror, clock = systemClock } = options
  const report: ProbeReport = {
    healthy: false,
    address: null,
    eras: [],
    protocolVersion: null,
    server: null,
    connectMs: null,
    tools: null,
    roundTrips: null,
    error: null,
  }
  let dialled: Transport | undefined
  let reported: Error | undefined
  const dial: Dial = {
    connect: async () => {
      dialled = await connect()
      return dialled
    },
    place,
    timeoutMs,
    onerror: (error) => {
      reported = error
      onerror?.(error)
    },
    clock,
  }
  try {
    const startedAt = clock.now()
    const conversation = await negotiate(dial)
    const { address, server, protocolVersion, era } = conversation
    Object.assign(report, {
      address,
      server,
      protocolVersion,
      eras: [era],
      connectMs: rounded(clock.now() - startedAt),
    })
    try {
      if (conversation.hasTools) report.tools = await listTools(conversation)
      report.roundTrips = await timeRoundTrips(conversation, count, clock)
    } finally {
      await conversation.close()
    }
    if (era === 'modern' && (await speaksLegacy(dial))) report.eras.push('legacy')
    report.healthy = true
  } catch (error) {
    if (isTransportError(error, 'INVALID_OPTION')) throw error
    const diagnosis = describeError(answersFor(error, reported) ? reported : error)
    report.address ??= diagnosis.address ?? dialled?.peer?.address ?? null
    const message = diagnosis.code === 'CLOSED' ? endedAt(report.address) : diagnosis.message
    report.error = { ...diagnosis, message, address: report.address }
  }
  return report
}

/** What an end in order means, which has no reason of its own. */
function endedAt(address: string | null): string {
  const how = address?.startsWith('stdio:') ? ': it exited with code 0, or closed its output' : ''
  return `the server ended the conversation without an answer${how}`
}

/** Whether it is the answer that a transport gave in place of a server, because of what it reported. */
function answersFor(error: unknown, reported: Error | undefined): boolean {
  if (!isJsonRpcError(error) || !isTransportError(reported)) return false
  return (error.data as { code?: unknown } | undefined)?.code === reported.code
}

async function listTools(conversation: Conversation): Promise<ProbeReport['tools']> {
  const names: string[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_TOOL_PAGES; pages++) {
    const page = await conversation.request('tools/list', cursor === undefined ? {} : { cursor })
    for (const name of namesIn(page['tools'])) names.push(name)
    const next = page['nextCursor']
    if (next === undefined) return { count: names.length, names }
    if (typeof next !== 'string') throw answeredWith('a nextCursor that is no text')
    cursor = next
  }
  throw new Error(`the server lists tools on more than ${MAX_TOOL_PAGES} pages`)
}

function namesIn(tools: unknown): string[] {
  if (!Array.isArray(tools)) throw answeredWith('no list of tools')
  return tools.map((tool: { name?: unknown } | null) => {
    if (typeof tool?.name !== 'string') throw answeredWith('a tool that has no name')
    return tool.name
  })
}

function answeredWith(what: string): Error {
  return new Error(`the server answered tools/list with ${what}`)
}

async function timeRoundTrips(
  conversation: Conversation,
  count: number,
  clock: Clock,
): Promise<ProbeReport['roundTrips']> {
  // There is no ping since 2026-07-28.
  const method = conversation.era === 'modern' ? 'server/discover' : 'ping'
  const latencies = createLatencyHistogram()
  for (let asked = 0; asked < count; asked++) {
    const askedAt = clock.now()
    await conversation.request(method)
    latencies.record(clock.now() - askedAt)
  }
  const { p50 = 0, p90 = 0, p99 = 0, max = 0 } = latencies.summary()
  return { method, count, p50Ms: rounded(p50), p90Ms: rounded(p90), p99Ms: rounded(p99), maxMs: rounded(max) }
}

async function speaksLegacy(dial: Dial): Promise<boolean> {
  try {
    const conversation = await initialize(dial)
    await conversation.close()
    return true
  } catch {
    return false
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
