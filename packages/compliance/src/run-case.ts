import { type ClauseId, clauses, Exempt } from './clauses.js'
import { transportCases } from './transport-cases.js'
import type { ClauseCase } from './transport-fixture.js'
import { createTransportFixture } from './transport-fixture.js'
import type { TransportSubject } from './transport-subject.js'

/** The outcome of one test. */
export type CaseOutcome =
  | { readonly clause: ClauseId; readonly title: string; readonly outcome: 'passed' }
  | { readonly clause: ClauseId; readonly title: string; readonly outcome: 'exempt'; readonly reason: string }
  | { readonly clause: ClauseId; readonly title: string; readonly outcome: 'failed'; readonly error: unknown }

/**
 * Runs the transport suite without registering tests, one case after the other.
 *
 * @example
 * ```ts
 * const outcomes = await runTransportCases(loopback)
 * ```
 */
export async function runTransportCases(subject: TransportSubject): Promise<CaseOutcome[]> {
  const outcomes: CaseOutcome[] = []
  for (const each of transportCases) {
    const { clause, title } = each
    try {
      await runCase(each, subject)
      outcomes.push({ clause, title, outcome: 'passed' })
    } catch (error) {
      outcomes.push(
        error instanceof Exempt
          ? { clause, title, outcome: 'exempt', reason: error.message }
          : { clause, title, outcome: 'failed', error },
      )
    }
  }
  return outcomes
}

/** Runs one case. Rejects if the transport breaks the clause. Rejects with `Exempt` if the subject is exempt. */
export async function runCase(each: ClauseCase, subject: TransportSubject): Promise<void> {
  const reason = subject.exempt?.[each.clause]
  if (reason !== undefined) throw new Exempt(`${each.clause}: ${reason}`)
  const fixture = createTransportFixture(subject)
  try {
    await each.run(fixture)
  } finally {
    await fixture.cleanUp()
  }
}

/** The exemptions of a subject, one line each. */
export function exemptionsOf(subject: TransportSubject): string[] {
  return Object.entries(subject.exempt ?? {}).map(([key, reason]) => {
    const scope = key in clauses ? `exempt from ${key}` : `exempt from tests that need '${key}'`
    return `${scope}: ${reason}`
  })
}
