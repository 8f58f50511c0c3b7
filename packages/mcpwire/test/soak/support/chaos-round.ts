import { setTimeout as sleep } from 'node:timers/promises'
import { errorDataOf, type Transport, tap, withLayers } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import type { Fault, OpenRoute, Route } from './chaos-routes.js'

/** Far above every deadline of an option: no call may end by it. */
const CALLER_TIMEOUT_MS = 240_000
const CALLERS = 8
/** How long calls go on after a fault that ends nothing. */
const AFTER_FAULT_MS = 700
const MAX_RUN_MS = 30
const PAD_BYTES = 65_536

/** The keys of all calls, by their outcome. */
export interface Outcomes {
  /** Answered with the key itself. */
  readonly answered: Set<string>
  /** Failed as certainly not delivered, and not repeated since. */
  readonly notDelivered: Set<string>
  /** Failed as certainly not delivered, and to be repeated. */
  readonly repeats: string[]
  calls: number
  repeated: number
  failures: Map<string, number>
}

/** What happened in one round. */
export interface Round {
  readonly route: string
  readonly fault: Fault
  /** The longest time from the fault, or from a later call, to its failure. Without it, nothing failed. */
  readonly noticedMs?: number
  readonly pendingAtFault: number
  readonly failed: number
  readonly problems: readonly string[]
}

interface Call {
  readonly startedAt: number
  settledAt?: number
  hasFailed?: boolean
}

/** Opens the route, calls the tool from several callers, injects the fault and waits until every call has settled. */
export async function runRound(
  route: Route,
  fault: Fault,
  id: string,
  { ledger, outcomes, random }: { ledger: string; outcomes: Outcomes; random: () => number },
): Promise<Round> {
  const problems: string[] = []
  const open = await route.open(ledger)
  const calls: Call[] = []
  const state = { isEnding: false, keys: 0 }
  try {
    if (fault === 'lost in the handshake') return await runHandshake(route, fault, open)
    const client = await connected(route, open.transport)
    const call = async (): Promise<void> => {
      const repeat = outcomes.repeats.pop()
      if (repeat !== undefined) outcomes.repeated++
      const key = repeat ?? `${id}-${++state.keys}`
      const one: Call = { startedAt: performance.now() }
      calls.push(one)
      outcomes.calls++
      try {
        // Some messages take several packets.
        const pad = random() < 0.1 && fault !== 'bytewise' ? 'x'.repeat(PAD_BYTES) : ''
        const args = { key, ms: Math.floor(random() * MAX_RUN_MS), pad }
        const result = await client.callTool({ name: 'run', arguments: args }, { timeout: CALLER_TIMEOUT_MS })
        const [content] = result.content as { text?: string }[]
        if (content?.text !== key)
          problems.push(`wrong result for ${key}: ${JSON.stringify(result).slice(0, 200)}`)
        outcomes.answered.add(key)
      } catch (error) {
        one.hasFailed = true
        recordFailure(key, error, outcomes, random)
        if (isCallerTimeout(error)) problems.push(`${key} ended by the timeout of the caller`)
      } finally {
        one.settledAt = performance.now()
      }
    }
    const isOver = (): boolean => state.isEnding || open.transport.state !== 'open'
    const workers = Array.from({ length: CALLERS }, async () => {
      while (!isOver()) {
        await call()
        if (calls.at(-1)?.hasFailed) await sleep(20)
      }
    })
    await sleep(100 + random() * 200)
    const faultAt = performance.now()
    const pending = calls.filter(({ settledAt }) => settledAt === undefined)
    open.inject(fault, random())
    await Promise.race([open.transport.closed, sleep(AFTER_FAULT_MS)])
    state.isEnding = true
    const settled = await Promise.race([Promise.all(workers).then(() => true), sleep(route.settleMs, false)])
    if (!settled) {
      const waiting = calls.filter(({ settledAt }) => settledAt === undefined).length
      problems.push(`${waiting} calls did not settle within ${route.settleMs} ms`)
    }
    const failed = calls.filter(({ hasFailed }) => hasFailed).length
    if (failed > 0 && (fault === 'stall' || fault === 'bytewise'))
      problems.push(`${failed} calls failed by a delay`)
    const times = calls.flatMap(({ hasFailed, startedAt, settledAt }) =>
      hasFailed && settledAt ? [settledAt - Math.max(startedAt, faultAt)] : [],
    )
    const noticedMs = times.length > 0 ? { noticedMs: Math.round(Math.max(...times)) } : {}
    return { route: route.name, fault, ...noticedMs, pendingAtFault: pending.length, failed, problems }
  } catch (error) {
    problems.push(`setup: ${String(error).slice(0, 300)}`)
    return { route: route.name, fault, pendingAtFault: 0, failed: 0, problems }
  } finally {
    state.isEnding = true
    await open.close()
  }
}

/** Injects the fault once the response to `initialize` has arrived. Then `connect()` must reject. */
async function runHandshake(route: Route, fault: Fault, open: OpenRoute): Promise<Round> {
  let faultAt = 0
  const inject = tap({
    onReceive: () => {
      if (faultAt > 0) return
      faultAt = performance.now()
      open.inject(fault, 0)
    },
  })
  const connecting = connected(route, withLayers(open.transport, inject)).then(
    () => 'it connected',
    () => '',
  )
  const problem = await Promise.race([
    connecting,
    sleep(route.settleMs, `connect() did not settle within ${route.settleMs} ms`),
  ])
  const noticedMs = Math.round(performance.now() - faultAt)
  const round = { route: route.name, fault, pendingAtFault: 1, failed: problem === '' ? 1 : 0 }
  return problem === '' ? { ...round, noticedMs, problems: [] } : { ...round, problems: [problem] }
}

async function connected({ era }: Route, transport: Transport): Promise<Client> {
  const pinned = era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } as const } } : {}
  const client = new Client({ name: 'chaos', version: '1' }, pinned)
  client.onerror = () => {}
  await client.connect(transport)
  return client
}

function recordFailure(key: string, error: unknown, outcomes: Outcomes, random: () => number): void {
  const { code = 'no code', delivery } = errorDataOf(error) ?? {}
  const kind = `${code}${delivery === undefined ? '' : `, delivery ${delivery}`}`
  outcomes.failures.set(kind, (outcomes.failures.get(kind) ?? 0) + 1)
  if (delivery !== 'none') return
  if (random() < 0.5) outcomes.repeats.push(key)
  else outcomes.notDelivered.add(key)
}

function isCallerTimeout(error: unknown): boolean {
  const { code, data } = error as { readonly code?: unknown; readonly data?: { readonly timeout?: unknown } }
  return code === 'REQUEST_TIMEOUT' && data?.timeout === CALLER_TIMEOUT_MS
}
