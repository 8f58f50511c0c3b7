import { describe, test } from 'vitest'
import { type ClauseId, clauses, Exempt } from './clauses.js'
import { exemptionsOf, runCase } from './run-case.js'
import { transportCases } from './transport-cases.js'
import type { TransportSubject } from './transport-subject.js'

const CASE_TIMEOUT_MS = 120_000

/**
 * Registers the transport suite with vitest: tests of every clause of the contract.
 *
 * A missing hook fails its tests, unless `exempt` names it with a reason. Then its tests are skipped.
 *
 * @example
 * ```ts
 * describeTransport('memory', {
 *   exempt: { sendRaw: 'memory carries messages, not text' },
 *   pair: (options) => {
 *     const [near, far] = memoryPair(options)
 *     return { near, far }
 *   },
 * })
 * ```
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
