import type { ClauseCase } from './clause.js'
import { type ClauseId, clauses } from './clauses.js'
import { Exempt } from './exempt.js'
import { createStage } from './stage.js'
import { transportCases } from './transport-cases.js'
import type { TransportSubject } from './transport-subject.js'

/** What came of one test. */
export type CaseOutcome =
  | { readonly clause: ClauseId; readonly title: string; readonly outcome: 'passed' }
  | { readonly clause: ClauseId; readonly title: string; readonly outcome: 'exempt'; readonly reason: string }
  | { readonly clause: ClauseId; readonly title: string; readonly outcome: 'failed'; readonly error: unknown }

/** Runs the transport suite against a subject without a test runner, one case after another. */
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

/** Runs one case. Rejects where the clause is broken, and with `Exempt` where the subject is not held to it. */
export async function runCase(each: ClauseCase, subject: TransportSubject): Promise<void> {
  const reason = subject.exempt?.[each.clause]
  if (reason !== undefined) throw new Exempt(`${each.clause}: ${reason}`)
  const stage = createStage(subject)
  try {
    await each.run(stage)
  } finally {
    await stage.clear()
  }
}

/** The exemptions of a subject, each as a line. */
export function exemptionsOf(subject: TransportSubject): string[] {
  return Object.entries(subject.exempt ?? {}).map(([key, reason]) => {
    const what = key in clauses ? `exempt from ${key}` : `exempt from what needs '${key}'`
    return `${what}: ${reason}`
  })
}
