import { type Clock, isJsonRpcError, isTransportError, systemClock, type Transport } from '@mcpwire/core'
import { createLatencyHistogram } from '@mcpwire/core/authoring'
import {
  type Conversation,
  type Dial,
  type Era,
  initialize,
  negotiate,
  type ProbedTransport,
  refuseEcho,
} from './negotiate.js'
import { type Diagnosis, diagnose } from './report.js'

/** Options of a probe. */
export interface ProbeOptions {
  /** Number of round trips to time. */
  readonly count: number
  /** The longest time until each response, in milliseconds. */
  readonly timeoutMs: number
  /** The address of the server for errors before it is connected. */
  readonly address?: string | undefined
  /** Receives errors that do not end the probe. */
  readonly onerror?: ((error: Error) => void) | undefined
  /** Receives a sentence about a server that takes long to respond. */
  readonly onslow?: ((text: string) => void) | undefined
  readonly clock?: Clock | undefined
}

/** The result of a probe, as `--json` prints it. Unknown members are `null`. */
export interface ProbeReport {
  /** Whether the server answered every request. */
  healthy: boolean
  address: string | null
  /** The medium, or over HTTP one of its two transports: `streamable-http`, or `http+sse` of 2024-11-05. */
  transport: ProbedTransport | null
  /** Supported eras: `modern` is server/discover as of 2026-07-28, `legacy` is initialize. */
  eras: Era[]
  /** The revision used to list the tools. */
  protocolVersion: string | null
  server: { name: string; version: string } | null
  /** From the start of the process to the end of the negotiation. */
  connectMs: number | null
  /** `null` also for a server without the capability. */
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

/** A limit for servers whose list of tools does not end. */
const MAX_TOOL_PAGES = 100

/**
 * Connects to a server and reports its identity, tools and response times. Failures of the server are part of the
 * report. Connects a second time to check whether a server of 2026-07-28 supports `initialize`, too.
 *
 * Rejects with `INVALID_OPTION` if an option is invalid.
 */
export async function probe(connect: () => Promise<Transport>, options: ProbeOptions): Promise<ProbeReport> {
  const { count, timeoutMs, address = 'the server', onerror, onslow, clock = systemClock } = options
  const report: ProbeReport = {
    healthy: false,
    address: null,
    transport: null,
    eras: [],
    protocolVersion: null,
    server: null,
    connectMs: null,
    tools: null,
    roundTrips: null,
    error: null,
  }
  let lastTransport: Transport | undefined
  let lastError: Error | undefined
  const dial: Dial = {
    connect: async () => {
      const transport = refuseEcho(await connect(), address)
      lastTransport = transport
      return transport
    },
    address,
    timeoutMs,
    onerror: (error) => {
      lastError = error
      onerror?.(error)
    },
    onslow,
    clock,
  }
  try {
    const startedAt = clock.now()
    const conversation = await negotiate(dial)
    const { server, protocolVersion, era } = conversation
    Object.assign(report, {
      address: conversation.address,
      transport: conversation.transport,
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
    if (era === 'modern' && (await supportsLegacy(dial))) report.eras.push('legacy')
    report.healthy = true
  } catch (error) {
    if (isTransportError(error, 'INVALID_OPTION')) throw error
    const diagnosis = diagnose(isResponseFor(error, lastError) ? lastError : error)
    report.address ??= diagnosis.address ?? lastTransport?.peer?.address ?? null
    const message = diagnosis.code === 'CLOSED' ? closedMessage(report.address) : diagnosis.message
    report.error = { ...diagnosis, message, address: report.address }
  }
  return report
}

/** The text for an orderly close, which has no error. */
function closedMessage(address: string | null): string {
  const how = address?.startsWith('stdio:') ? ': it exited with code 0, or closed its output' : ''
  return `the server closed the connection without a response${how}`
}

/** Whether the transport itself created this error response, because of an error that it reported. */
function isResponseFor(error: unknown, reported: Error | undefined): boolean {
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
    if (typeof next !== 'string') throw invalidTools('nextCursor is not a string')
    cursor = next
  }
  throw new Error(`tools/list failed: the server returned more than ${MAX_TOOL_PAGES} pages`)
}

function namesIn(tools: unknown): string[] {
  if (!Array.isArray(tools)) throw invalidTools('tools is not an array')
  return tools.map((tool: { name?: unknown } | null) => {
    if (typeof tool?.name !== 'string') throw invalidTools('a tool has no name')
    return tool.name
  })
}

function invalidTools(why: string): Error {
  return new Error(`tools/list failed: in the response of the server, ${why}`)
}

async function timeRoundTrips(
  conversation: Conversation,
  count: number,
  clock: Clock,
): Promise<ProbeReport['roundTrips']> {
  // 2026-07-28 has no ping.
  const method = conversation.era === 'modern' ? 'server/discover' : 'ping'
  const latencies = createLatencyHistogram()
  for (let sent = 0; sent < count; sent++) {
    const sentAt = clock.now()
    await conversation.request(method)
    latencies.record(clock.now() - sentAt)
  }
  const { p50 = 0, p90 = 0, p99 = 0, max = 0 } = latencies.summary()
  return { method, count, p50Ms: rounded(p50), p90Ms: rounded(p90), p99Ms: rounded(p99), maxMs: rounded(max) }
}

async function supportsLegacy(dial: Dial): Promise<boolean> {
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
