import { describe, test } from 'vitest'
import { Exempt } from './exempt.js'
import { admissionCases } from './listener-cases/admission.js'
import { listenerLifeCases } from './listener-cases/life.js'
import { servingCases } from './listener-cases/serving.js'
import { createListenerStage, type ListenerCase } from './listener-stage.js'
import type { ListenerSubject } from './listener-subject.js'

const CASE_TIMEOUT_MS = 60_000

/** Every test of the listener suite, as data. Run one at a time: some look at the whole process. */
export const listenerCases: readonly ListenerCase[] = [
  ...listenerLifeCases,
  ...admissionCases,
  ...servingCases,
]

/** Registers the listener suite with vitest: the life of a listener, admission, limits and the end of it all. */
export function describeListener(name: string, subject: ListenerSubject): void {
  describe.sequential(`${name} keeps the contract of a listener`, () => {
    for (const [ability, reason] of Object.entries(subject.exempt ?? {})) {
      const line = `exempt from what needs '${ability}': ${reason}`
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

/** Runs one case. Rejects where the listener fails it, and with `Exempt` where it is not held to it. */
export async function runListenerCase(each: ListenerCase, subject: ListenerSubject): Promise<void> {
  const stage = createListenerStage(subject)
  try {
    await each.run(stage)
  } finally {
    await stage.clear()
  }
}
