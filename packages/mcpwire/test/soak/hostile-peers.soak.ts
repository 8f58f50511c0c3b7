import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attackClients } from './support/hostile-client-run.js'
import { attackAll, type Outcome, type Subject, TOGETHER, variants } from './support/hostile-run.js'
import { buildSoakPrograms } from './support/processes.js'
import { printTable, saveResults } from './support/results.js'

// Three processes besides the children of bridges: the server, which has a heap of 1 GiB; 19 well-behaved callers, each
// with a call every 50 to 100 ms, and 3 that reconnect; and the attackers, whose rates are bounded, because all share
// the processors. SOAK_ATTACKS selects attacks by name, SOAK_ATTACK_MS and SOAK_BEFORE_MS set durations, SOAK_SAVE=1
// writes the results file.

const subjects: readonly Subject[] = [
  { name: 'httpServer, sessions', wire: 'http', era: 'session', isBridge: false },
  { name: 'httpServer, 2026-07-28', wire: 'http', era: 'modern', isBridge: false },
  { name: 'wsServer', wire: 'ws', era: 'session', isBridge: false },
  { name: 'tcpServer', wire: 'tcp', era: 'session', isBridge: false },
  { name: 'bridge at http, sessions', wire: 'http', era: 'session', isBridge: true },
  { name: 'bridge at http, 2026-07-28', wire: 'http', era: 'modern', isBridge: true },
  { name: 'bridge at ws', wire: 'ws', era: 'session', isBridge: true },
  { name: 'bridge at tcp', wire: 'tcp', era: 'session', isBridge: true },
  { name: 'bridge at unix', wire: 'unix', era: 'session', isBridge: true },
]

const attackMs = Number(process.env['SOAK_ATTACK_MS'] ?? 3_000)
const beforeMs = Number(process.env['SOAK_BEFORE_MS'] ?? 5_000)
const wanted = process.env['SOAK_ATTACKS']?.split(',')
/** Times the 99th percentile of before. */
const MAX_SLOWDOWN = 10
/** The byte budget of 256 MiB, the process itself and garbage. */
const MAX_PEAK_MEGABYTES = 768

const outcomes: (Outcome & { readonly faults: readonly string[] })[] = []

beforeAll(buildSoakPrograms)

afterAll(() => {
  printTable(outcomes.map(rowOf))
  saveResults('hostile-peers', { attackMs, beforeMs, variants, outcomes })
})

describe('a server with hostile peers', () => {
  test.each(subjects)('$name survives each attack, and well-behaved callers go on', async (subject) => {
    const first = outcomes.length
    await attackAll(subject, (attack) => wanted?.includes(attack) ?? true, { beforeMs, attackMs }, add)
    expect(faultsSince(first)).toEqual([])
  })

  test('HTTP clients survive event streams that never complete an event', async () => {
    const first = outcomes.length
    add(await attackClients({ beforeMs, attackMs: attackMs * 2 }))
    expect(faultsSince(first)).toEqual([])
  })
})

function add(outcome: Outcome): void {
  outcomes.push({ ...outcome, faults: faultsOf(outcome) })
  console.info(JSON.stringify(rowOf(outcome)))
}

function faultsSince(first: number): string[] {
  return outcomes.slice(first).flatMap(({ attack, faults }) => faults.map((fault) => `${attack}: ${fault}`))
}

/** The requirements that were missed, as text. */
function faultsOf({
  target,
  attack,
  server,
  peakMegabytes,
  before,
  during,
  reports,
  attackers,
}: Outcome): string[] {
  // One attack lasts a few seconds: a burst of 40 ms is 1 % of them. All attacks of a server count together.
  const isJudged = attack === TOGETHER || target === 'http client'
  const slowest = before.p99Ms * MAX_SLOWDOWN
  return [
    server === 'alive' ? '' : `the server ended: ${server}`,
    during.failed === 0 ? '' : `${during.failed} calls failed: ${during.failures.join(' | ')}`,
    !isJudged || during.p99Ms <= slowest ? '' : `p99 of ${during.p99Ms} ms exceeds ${slowest} ms`,
    (peakMegabytes ?? 0) <= MAX_PEAK_MEGABYTES
      ? ''
      : `peak of ${peakMegabytes} MB exceeds ${MAX_PEAK_MEGABYTES} MB`,
    Object.values(attackers).some((count) => count > 0) ? '' : 'the attack did nothing',
    attack !== 'files' || Object.keys(reports).length > 0 ? '' : 'nothing was reported',
  ].filter(Boolean)
}

function rowOf(outcome: Outcome): Record<string, string | number | undefined> {
  const { target, attack, server, peakMegabytes, before, during, newcomers } = outcome
  return {
    target,
    attack,
    server,
    'peak MB': peakMegabytes,
    calls: during.calls,
    failed: during.failed,
    'p50 before': before.p50Ms,
    p50: during.p50Ms,
    'p99 before': before.p99Ms,
    p99: during.p99Ms,
    max: during.maxMs,
    'newcomers failed': `${newcomers.failed} of ${newcomers.calls}`,
    attackers: Object.entries(outcome.attackers)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
  }
}
