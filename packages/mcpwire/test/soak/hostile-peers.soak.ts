import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attackAll, type Outcome, type Subject, variants } from './support/hostile-run.js'
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

const attackMs = Number(process.env['SOAK_ATTACK_MS'] ?? 6_000)
const beforeMs = Number(process.env['SOAK_BEFORE_MS'] ?? 5_000)
const wanted = process.env['SOAK_ATTACKS']?.split(',')
/** Times the 99th percentile of before. */
const MAX_SLOWDOWN = 10
/** The byte budget of 256 MiB, the process itself and garbage. */
const MAX_PEAK_MEGABYTES = 1_024

const outcomes: Outcome[] = []

beforeAll(buildSoakPrograms)

afterAll(() => {
  printTable(outcomes.map(rowOf))
  saveResults('hostile-peers', { attackMs, beforeMs, variants, outcomes })
})

describe('a server with hostile peers', () => {
  test.each(subjects)('$name survives each attack, and well-behaved callers go on', async (subject) => {
    await attackAll(
      subject,
      (attack) => wanted?.includes(attack) ?? true,
      { beforeMs, attackMs },
      (outcome) => {
        outcomes.push(outcome)
        const { attack, server, peakMegabytes = 0, before, during } = outcome
        expect.soft(server, `${attack}: server`).toBe('alive')
        expect.soft(during.failures, `${attack}: failures`).toEqual([])
        expect.soft(during.failed, `${attack}: failed calls`).toBe(0)
        expect.soft(peakMegabytes, `${attack}: peak MB`).toBeLessThan(MAX_PEAK_MEGABYTES)
        // All callers of 2026-07-28 behind a bridge share the child process that this attack stops.
        const isShared = subject.isBridge && subject.era === 'modern' && /child|brackets/.test(attack)
        if (!isShared)
          expect.soft(during.p99Ms, `${attack}: p99`).toBeLessThan(Math.max(before.p99Ms * MAX_SLOWDOWN))
        if (attack === 'files') expect.soft(outcome.reports, 'files: reports').not.toEqual({})
      },
    )
  })
})

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
