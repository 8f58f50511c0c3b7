import { describe, expect, it } from 'vitest'
import { createListener } from '../src/authoring.js'
import {
  type BudgetAccount,
  createByteBudget,
  isTransportError,
  type ListenerOptions,
  memoryListener,
  type TransportError,
} from '../src/index.js'
import { acceptor } from './support/acceptors.js'
import { openHolder } from './support/budgets.js'
import { listening } from './support/listening.js'

const LIMIT = 1_024

describe('option maxTotalBytes of a listener', () => {
  it.each<[string, ListenerOptions['maxTotalBytes'], number]>([
    ['its default', undefined, 268_435_456],
    ['a number', 4_096, 4_096],
    ['Infinity', Infinity, Infinity],
    ['a shared budget', createByteBudget({ maxTotalBytes: 2_048 }), 2_048],
  ])('gives the acceptor a budget of %s', async (_name, maxTotalBytes, expected) => {
    const { sink } = await listening({ maxTotalBytes })

    expect(sink.budget.maxTotalBytes).toBe(expected)
    expect(sink.budget.heldBytes).toBe(0)
  })

  it.each<[string, unknown]>([
    ['0', 0],
    ['1023', 1_023],
    ['a fraction', 4_096.5],
    ['NaN', Number.NaN],
    ['a negative number', -1],
    ['minus infinity', -Infinity],
    ['text', '256 MiB'],
    ['a bigint', 4_096n],
    ['null', null],
    ['true', true],
    ['an empty object', {}],
    ['a session policy', { open: () => ({ admit: true }) }],
    ['the options of a budget', { maxTotalBytes: 4_096 }],
  ])('rejects %s', (_name, maxTotalBytes) => {
    for (const make of [
      (options: ListenerOptions) => createListener(acceptor(), options),
      (options: ListenerOptions) => memoryListener(options),
    ]) {
      let thrown: unknown
      try {
        make({ maxTotalBytes: maxTotalBytes as number })
      } catch (error) {
        thrown = error
      }
      expect(isTransportError(thrown, 'INVALID_OPTION')).toBe(true)
      expect((thrown as TransportError).details).toMatchObject({ option: 'maxTotalBytes' })
    }
  })
})

describe('the reports of a listener about its budget', () => {
  it('are one for the first connection that ended, and one a second for the others', async () => {
    const { sink, errors, clock } = await listening({ maxTotalBytes: LIMIT })
    const shed: string[] = []
    for (let ended = 0; ended < 20; ended++) openHolder(sink.budget, `${ended}`, shed).account.hold(LIMIT + 1)

    expect(errors).toHaveLength(1)
    await clock.advance(1_000)
    expect(errors).toMatchObject([
      { code: 'OVERLOADED', details: { option: 'maxTotalBytes', maxQueuedBytes: LIMIT } },
      { code: 'OVERLOADED', message: expect.stringContaining('19 connections') },
    ])
    await clock.advance(1_000)
    expect(errors).toHaveLength(2)
  })

  it('are complete when the listener closes, and keep no timer after it', async () => {
    const { sink, listener, errors, log, clock } = await listening({ maxTotalBytes: LIMIT })
    const shed: string[] = []
    for (let ended = 0; ended < 3; ended++) openHolder(sink.budget, `${ended}`, shed).account.hold(LIMIT + 1)

    await listener.close()

    expect(errors.at(-1)?.message).toContain('2 connections')
    expect(log.at(-1)).toBe('close')
    expect(clock.pending).toBe(0)
  })

  it('do not stop the budget when onerror throws', async () => {
    const { sink, listener } = await listening({ maxTotalBytes: LIMIT })
    listener.onerror = () => {
      throw new Error('from onerror')
    }
    const shed: string[] = []

    for (const name of ['a', 'b']) openHolder(sink.budget, name, shed).account.hold(LIMIT + 1)

    expect(shed).toEqual(['a', 'b'])
  })

  it('go to the report of a shared budget, which goes on after one listener has closed', async () => {
    const reports: Error[] = []
    const report = (error: Error): void => void reports.push(error)
    const maxTotalBytes = createByteBudget({ maxTotalBytes: LIMIT }, report)
    const [one, other] = [await listening({ maxTotalBytes }), await listening({ maxTotalBytes })]
    const shed: string[] = []
    const accounts: BudgetAccount[] = [one, other].map(
      ({ sink }, index) => openHolder(sink.budget, `${index}`, shed).account,
    )
    accounts[0]?.hold(900)

    accounts[1]?.hold(200)
    await one.listener.close()

    expect(shed).toEqual(['0'])
    expect(reports).toMatchObject([{ code: 'OVERLOADED' }])
    expect([...one.errors, ...other.errors]).toEqual([])
    expect(maxTotalBytes.heldBytes).toBe(200)
  })
})
