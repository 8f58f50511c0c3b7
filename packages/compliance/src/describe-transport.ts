import { describe, test } from 'vitest'
import { type ClauseId, clauses } from './clauses.js'
import { Exempt } from './exempt.js'
import { exemptionsOf, runCase } from './run-case.js'
import { transportCases } from './transport-cases.js'
import type { TransportSubject } from './transport-subject.js'

const CASE_TIMEOUT_MS = 60_000

/**
 * Registers the transport suite with vitest: every clause of the contract, against a medium of yours.
 *
 * What the medium cannot provide fails until it is named in `exempt` with the reason; it is then shown as skipped.
 */
export function describeTransport(name: string, subject: TransportSubject): void {
  describe.sequential(`${name} keeps the contract of a transport`, () => {
    for (const line of exemptionsOf(subject)) test(line, ({ skip }) => skip(line))
    for (const id of Object.keys(clauses) as ClauseId[]) {
      describe(`${id} ${clauses[id]}`, () => {
        for (const each of transportCases) {
          if (each.clause !== id) continue
          test(each.title, { timeout: CASE_TIMEOUT_MS }, async ({ skip }) => {
            await runCase(each, subject).catch((error: unknown) => {
              if (!(error instanceof Exempt)) throw error
              skip(error.message)
            })
          })
        }
      })
    }
  })
}
