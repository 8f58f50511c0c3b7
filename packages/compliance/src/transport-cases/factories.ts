import { isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { type ClauseCase, clause } from '../clause.js'
import { startLeakCheck } from '../leak-check.js'
import { turns } from '../waiting.js'

const usualBadOptions: readonly Readonly<Record<string, unknown>>[] = [
  { maxMessageBytes: -1 },
  { maxQueuedBytes: Number.NaN },
  { closeTimeoutMs: -1 },
  { closeTimeoutMs: '2000' },
]

/** C12: what a factory does, and does not. */
export const factoryCases: readonly ClauseCase[] = [
  clause('C12', 'a factory opens nothing before start()', async (stage) => {
    const create = stage.need('create', stage.subject.create)
    const leaks = await startLeakCheck()
    const transport = create({})
    await turns()
    expect(transport.state).toBe('idle')
    expect(leaks.extra()).toEqual([])
    await stage.within(transport.close(), 'close() returned')
  }),

  clause('C12', 'a bad option makes a factory throw INVALID_OPTION at once, naming it', async (stage) => {
    const create = stage.need('create', stage.subject.create)
    for (const bad of stage.subject.badOptions ?? usualBadOptions) {
      const [[option, received] = []] = Object.entries(bad)
      const error = thrownBy(() => create(bad))
      const shown = `${option}: ${String(received)}`
      if (!isTransportError(error, 'INVALID_OPTION')) {
        throw new Error(`${shown} was not refused with INVALID_OPTION but with ${String(error)}`)
      }
      expect(error.details.option, shown).toContain(option)
      expect(error.message, shown).toContain(option)
    }
  }),

  clause('C12', 'an option that is undefined counts as not given', async (stage) => {
    const create = stage.need('create', stage.subject.create)
    const none = { maxMessageBytes: undefined, maxQueuedBytes: undefined, closeTimeoutMs: undefined }
    expect(thrownBy(() => create(none))).toBeUndefined()
  }),
]

function thrownBy(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return error
  }
}
