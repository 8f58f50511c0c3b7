import { isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { startLeakCheck } from '../leak-check.js'
import { type ClauseCase, clause } from '../transport-fixture.js'
import { turns } from '../waiting.js'

const defaultBadOptions: readonly Readonly<Record<string, unknown>>[] = [
  { maxMessageBytes: -1 },
  { maxQueuedBytes: Number.NaN },
  { closeTimeoutMs: -1 },
  { closeTimeoutMs: '2000' },
]

/** C12: factories. */
export const factoryCases: readonly ClauseCase[] = [
  clause('C12', 'a factory opens nothing before start()', async (fixture) => {
    const create = fixture.requireHook('create', fixture.subject.create)
    const leaks = await startLeakCheck()
    const transport = create({})
    await turns()
    expect(transport.state, 'state of the transport').toBe('idle')
    expect(leaks.extra(), 'handles that are open before start()').toEqual([])
    await fixture.within(transport.close(), 'close() returned')
  }),

  clause('C12', 'a factory throws INVALID_OPTION with the name of an invalid option', async (fixture) => {
    const create = fixture.requireHook('create', fixture.subject.create)
    for (const bad of fixture.subject.badOptions ?? defaultBadOptions) {
      const [[option, received] = []] = Object.entries(bad)
      const error = thrownBy(() => create(bad))
      const shown = `${option}: ${String(received)}`
      if (!isTransportError(error, 'INVALID_OPTION')) {
        const outcome = error === undefined ? 'nothing' : String(error)
        throw new Error(`the factory must throw INVALID_OPTION for { ${shown} }; it threw ${outcome}`)
      }
      expect(error.details.option, shown).toContain(option)
      expect(error.message, shown).toContain(option)
    }
  }),

  clause('C12', 'a factory treats an undefined option as absent', async (fixture) => {
    const create = fixture.requireHook('create', fixture.subject.create)
    const none = { maxMessageBytes: undefined, maxQueuedBytes: undefined, closeTimeoutMs: undefined }
    expect(
      thrownBy(() => create(none)),
      'error thrown for options that are undefined',
    ).toBeUndefined()
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
