import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMultiplexer, type UpstreamStep } from '../src/authoring.js'
import { isResponse, type JsonRpcMessage, type JsonRpcRequest, type RequestId } from '../src/index.js'
import {
  a,
  answer,
  ask,
  b,
  type Caller,
  cancelled,
  changed,
  note,
  progress,
  SUBSCRIPTION,
} from './support/multiplexing.js'

const SUITE_TIMEOUT_MS = 240_000

describe('any order of messages', () => {
  const IDS: RequestId[] = ['1', 1, '', 0, '0', -1]
  const METHODS = ['tools/call', 'subscriptions/listen']

  /** One event. The numbers select a caller or a request. */
  interface Event {
    readonly what: number
    readonly caller: number
    readonly pick: number
    readonly id: number
    readonly token: number
  }

  /** A request under its number, with its caller. */
  interface Crossed {
    readonly number: number
    readonly caller: Caller
    readonly id: RequestId
    readonly token: RequestId | undefined
    readonly isListen: boolean
  }

  class World {
    readonly multiplexer = createMultiplexer<Caller>()
    readonly callers: Caller[] = [a, b, { name: 'c' }]
    /** The requests without a response, and whether each has a caller. */
    readonly crossed: { call: Crossed; isAwaited: boolean }[] = []
    requests = 0
    delivered = 0

    play({ what, caller, pick, id, token }: Event): void {
      const from = this.callers[caller % this.callers.length] ?? a
      const at = pick % Math.max(this.crossed.length, 1)
      if (what < 35 || this.crossed.length === 0) this.#ask(from, id, token)
      else if (what < 70) this.#answer(at)
      else if (what < 85) this.#deliver(at)
      else if (what < 95) this.#cancel(at)
      else if (what < 98) this.#leave(from)
      else this.#stray(pick)
      const awaited = this.crossed.filter(({ isAwaited }) => isAwaited).length
      expect(this.multiplexer.inFlight).toBe(awaited)
    }

    #ask(caller: Caller, idAt: number, tokenAt: number): void {
      const id = IDS[idAt % IDS.length] ?? 0
      const token = tokenAt % 2 === 0 ? IDS[(tokenAt >> 1) % IDS.length] : undefined
      const method = METHODS[tokenAt % 7 === 0 ? 1 : 0] ?? ''
      const meta = { owner: caller.name, ...(token !== undefined && { progressToken: token }) }
      const step = this.multiplexer.fromCaller(caller, ask(id, meta, method))
      const isInUse = this.crossed.some(
        ({ call, isAwaited }) => isAwaited && call.caller === caller && call.id === id,
      )
      expect(step.kind).toBe(isInUse ? 'respond' : 'send')
      if (step.kind !== 'send') return
      const message = step.message as JsonRpcRequest
      const number = message.id as number
      expect(this.crossed.some(({ call }) => call.number === number)).toBe(false)
      expect(message.params?._meta?.progressToken).toBe(token === undefined ? undefined : number)
      const isListen = method === 'subscriptions/listen'
      this.crossed.push({ call: { number, caller, id, token, isListen }, isAwaited: true })
      this.requests++
    }

    #answer(at: number): void {
      const { call, isAwaited } = this.crossed.splice(at, 1)[0] ?? fail()
      const meta = call.isListen ? { _meta: { [SUBSCRIPTION]: call.number } } : {}
      const step = this.multiplexer.fromUpstream(answer(call.number, { owner: call.caller.name, ...meta }))
      this.#check(step, call, isAwaited, (message) => {
        expect(isResponse(message) && message.id).toBe(call.id)
        expect(message).toMatchObject({ result: { owner: call.caller.name } })
        if (call.isListen) expect(message).toMatchObject({ result: { _meta: { [SUBSCRIPTION]: call.id } } })
      })
    }

    /** All messages of the upstream for a request. */
    #deliver(at: number): void {
      const { call, isAwaited } = this.crossed[at] ?? fail()
      if (call.isListen) {
        const step = this.multiplexer.fromUpstream(changed(call.number))
        this.#check(step, call, isAwaited, (message) => expect(message).toEqual(changed(call.id)))
      } else {
        const log = note('notifications/message', { owner: call.caller.name })
        this.#check(this.multiplexer.fromUpstream(log, call.number), call, isAwaited, (message) =>
          expect(message).toBe(log),
        )
        if (call.token === undefined) return
        const step = this.multiplexer.fromUpstream(progress(call.number), call.number)
        this.#check(step, call, isAwaited, (message) => expect(message).toEqual(progress(call.token)))
      }
    }

    #cancel(at: number): void {
      const each = this.crossed[at] ?? fail()
      const step = this.multiplexer.fromCaller(each.call.caller, cancelled(each.call.id))
      const awaited = this.crossed.find(
        ({ call, isAwaited }) => isAwaited && call.caller === each.call.caller && call.id === each.call.id,
      )
      if (!awaited) expect(step).toEqual({ kind: 'drop' })
      else {
        expect(step).toEqual({ kind: 'send', message: cancelled(awaited.call.number) })
        awaited.isAwaited = false
      }
    }

    #leave(caller: Caller): void {
      const theirs = this.crossed.filter(({ call, isAwaited }) => isAwaited && call.caller === caller)
      const delivered = this.multiplexer.callerClosed(caller).map(({ params }) => params?.['requestId'])
      expect(new Set(delivered)).toEqual(new Set(theirs.map(({ call }) => call.number)))
      expect(delivered).toHaveLength(theirs.length)
      for (const each of theirs) each.isAwaited = false
    }

    #stray(pick: number): void {
      const never = 1_000_000_000 + pick
      for (const message of [answer(never), progress(never), changed(never), progress('1'), changed('x')]) {
        expect(this.multiplexer.fromUpstream(message)).toEqual({ kind: 'drop', reason: expect.any(String) })
      }
    }

    #check(
      step: UpstreamStep<Caller>,
      call: Crossed,
      isAwaited: boolean,
      inspect: (message: JsonRpcMessage) => void,
    ): void {
      if (!isAwaited) expect(step).toEqual({ kind: 'drop' })
      else {
        if (step.kind !== 'deliver') throw new Error(`the step is ${step.kind}`)
        expect(step.caller).toBe(call.caller)
        expect(step.requestId).toBe(call.id)
        inspect(step.message)
        this.delivered++
      }
    }
  }

  function fail(): never {
    throw new Error('there is no such request')
  }

  const event: fc.Arbitrary<Event> = fc.record({
    what: fc.nat(99),
    caller: fc.nat(2),
    pick: fc.nat(1_000),
    id: fc.nat(1_000),
    token: fc.nat(1_000),
  })

  test('leaks nothing for few requests', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const world = new World()
        for (const each of events) world.play(each)
      }),
      { numRuns: 500 },
    )
  })

  test(
    'leaks nothing for 10 000 requests',
    () => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const next = numbersFrom(seed)
          const world = new World()
          for (let n = 0; n < 50; n++) world.callers.push({ name: `caller ${n}` })
          while (world.requests < 10_000) {
            world.play({
              what: next(100),
              caller: next(1_000),
              pick: next(1_000),
              id: next(100),
              token: next(100),
            })
          }
          expect(world.delivered).toBeGreaterThan(5_000)
        }),
        { numRuns: 1 },
      )
    },
    SUITE_TIMEOUT_MS,
  )

  /** A repeatable random source. */
  function numbersFrom(seed: number): (below: number) => number {
    let state = seed
    return (below) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
      return (state >>> 8) % below
    }
  }
})
