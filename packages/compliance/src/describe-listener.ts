import { describe, test } from 'vitest'
import { Exempt } from './clauses.js'
import { admissionCases } from './listener-cases/admission.js'
import { listenerLifeCases } from './listener-cases/life.js'
import { requestCases } from './listener-cases/requests.js'
import { servingCases } from './listener-cases/serving.js'
import { sharingCases } from './listener-cases/sharing.js'
import { createListenerFixture, type ListenerCase } from './listener-fixture.js'
import type { ListenerSubject } from './listener-subject.js'

const CASE_TIMEOUT_MS = 120_000

/** Every test of the listener suite. Run them one at a time: some inspect the whole process. */
export const listenerCases: readonly ListenerCase[] = [
  ...listenerLifeCases,
  ...admissionCases,
  ...servingCases,
  ...sharingCases,
  ...requestCases,
]

/**
 * Registers the listener suite with vitest: life cycle, admission of callers and requests, limits, fairness and shutdown.
 *
 * @example
 * ```ts
 * describeListener('tcp', {
 *   listen: (options) => tcpServer({ port: 0, ...options }),
 *   connect: (listener) => tcpClient({ port: Number(new URL(listener.url).port) }),
 * })
 * ```
 */
export function describeListener(name: string, subject: ListenerSubject): void {
  describe.sequential(`${name} keeps the contract of a listener`, () => {
    for (const [ability, reason] of Object.entries(subject.exempt ?? {})) {
      const line = `exempt from tests that need '${ability}': ${reason}`
      test(line, ({ skip }) => skip(line))
    }
    for (const each of listenerCases) {
      test(each.title, { timeout: CASE_TIMEOUT_MS }, async ({ skip }) => {
        await runListenerCase(each, subject).catch((error: unknown) => {
          if (!(error instanceof Exempt)) throw error
          skip(error.message)
        })
      })
    }
  })
}

/** Runs one case. Rejects if the listener fails it. Rejects with `Exempt` if the subject is exempt. */
export async function runListenerCase(each: ListenerCase, subject: ListenerSubject): Promise<void> {
  const fixture = createListenerFixture(subject)
  try {
    await each.run(fixture)
  } finally {
    await fixture.cleanUp()
  }
}
