import { describe, expect, test } from 'vitest'
import { Exempt } from '../src/clauses.js'
import { type ClauseId, clauses, loopback, runTransportCases, type TransportSubject } from '../src/index.js'
import { runCase } from '../src/run-case.js'
import { transportCases } from '../src/transport-cases.js'
import { brokenDoubles, defects, furtherDoubles } from './broken-doubles.js'

/** For events that do not happen. Too short for one that does, it fails a case that may fail. */
const SHORT_GRACE_MS = 500
/** For events that happen, on a busy machine too. */
const GRACE_MS = 10_000
const TIMEOUT_MS = 240_000

describe.sequential('the transport suite', () => {
  test('has a broken double for each clause', () => {
    expect(Object.keys(brokenDoubles)).toEqual(Object.keys(clauses))
  })

  test('passes for the loopback', { timeout: TIMEOUT_MS }, async () => {
    const outcomes = await runTransportCases(loopback)
    expect(outcomes.filter(({ outcome }) => outcome === 'failed')).toEqual([])
  })

  const doubles = Object.entries(brokenDoubles).map(([clause, subject]) => ({
    clause,
    defect: defects[clause as ClauseId],
    subject,
  }))
  for (const { clause: id, defect, subject } of [...doubles, ...furtherDoubles]) {
    test(`fails ${id} and no other clause for a transport that ${defect}`, {
      timeout: TIMEOUT_MS,
    }, async () => {
      const broken = await brokenClauses(subject, id as ClauseId)
      expect(new Set(broken.map(({ clause }) => clause)), JSON.stringify(broken, null, 2)).toEqual(
        new Set([id]),
      )
      // `expected false to be true` explains nothing: each failure first names what was checked.
      expect(broken.filter(({ failure }) => /: (Assertion)?Error: expected /.test(failure))).toEqual([])
    })
  }
})

/** The failures of a subject that breaks that clause. */
async function brokenClauses(
  subject: TransportSubject,
  id: ClauseId,
): Promise<{ clause: string; failure: string }[]> {
  const broken: { clause: string; failure: string }[] = []
  for (const each of transportCases) {
    const { clause, title } = each
    const graceMs = clause === id ? SHORT_GRACE_MS : GRACE_MS
    await runCase(each, { ...subject, graceMs }).catch((error: unknown) => {
      if (!(error instanceof Exempt)) broken.push({ clause, failure: `${title}: ${String(error)}` })
    })
  }
  return broken
}
