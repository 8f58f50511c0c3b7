import { describe, expect, test } from 'vitest'
import { clauses, loopback, runTransportCases, type TransportSubject } from '../src/index.js'
import { brokenDoubles } from './broken-doubles.js'

/** Long enough for what works, short enough to wait for what does not. */
const PATIENCE_MS = 1_000
const TIMEOUT_MS = 120_000

describe.sequential('the transport suite tells one broken clause from another', () => {
  test('there is a broken double for each clause', () => {
    expect(Object.keys(brokenDoubles)).toEqual(Object.keys(clauses))
  })

  test('the medium they are made of breaks none', { timeout: TIMEOUT_MS }, async () => {
    expect(await brokenClauses(loopback)).toEqual([])
  })

  for (const [id, double] of Object.entries(brokenDoubles)) {
    test(`${id}: its double fails that clause and no other`, { timeout: TIMEOUT_MS }, async () => {
      const broken = await brokenClauses(double)
      expect(new Set(broken.map(({ clause }) => clause)), JSON.stringify(broken, null, 2)).toEqual(
        new Set([id]),
      )
    })
  }
})

async function brokenClauses(subject: TransportSubject): Promise<{ clause: string; why: string }[]> {
  const outcomes = await runTransportCases({ ...subject, graceMs: PATIENCE_MS })
  return outcomes.flatMap((each) =>
    each.outcome === 'failed' ? [{ clause: each.clause, why: `${each.title}: ${String(each.error)}` }] : [],
  )
}
