import { describe, expect, test } from 'vitest'
import { type ClauseId, clauses, loopback, runTransportCases, type TransportSubject } from '../src/index.js'
import { brokenDoubles, defects } from './broken-doubles.js'

/** Long enough for events that happen, short enough for those that do not. */
const GRACE_MS = 1_000
const TIMEOUT_MS = 120_000

describe.sequential('the transport suite', () => {
  test('has a broken double for each clause', () => {
    expect(Object.keys(brokenDoubles)).toEqual(Object.keys(clauses))
  })

  test('passes for the loopback', { timeout: TIMEOUT_MS }, async () => {
    expect(await brokenClauses(loopback)).toEqual([])
  })

  for (const [id, double] of Object.entries(brokenDoubles)) {
    test(`fails ${id} and no other clause for a transport that ${defects[id as ClauseId]}`, {
      timeout: TIMEOUT_MS,
    }, async () => {
      const broken = await brokenClauses(double)
      expect(new Set(broken.map(({ clause }) => clause)), JSON.stringify(broken, null, 2)).toEqual(
        new Set([id]),
      )
      // `expected false to be true` explains nothing: each failure first names what was checked.
      expect(broken.filter(({ failure }) => /: (Assertion)?Error: expected /.test(failure))).toEqual([])
    })
  }
})

async function brokenClauses(subject: TransportSubject): Promise<{ clause: string; failure: string }[]> {
  const outcomes = await runTransportCases({ ...subject, graceMs: GRACE_MS })
  return outcomes.flatMap((each) =>
    each.outcome === 'failed'
      ? [{ clause: each.clause, failure: `${each.title}: ${String(each.error)}` }]
      : [],
  )
}
