import { createFakeClock, until } from '@mcpwire/compliance'
import { allOf, type Gate, isTransportError, type Verdict } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/client'
import { describe, expect, test } from 'vitest'
import { anyOf, bearer, type TokenVerifier } from '../src/index.js'
import { wires } from './support/wires.js'

const TIMEOUT_MS = 30_000
const GATE_TIMEOUT_MS = 5_000
const PLANTED = 'planted-token-77aa31'

const fail = (): never => {
  throw new Error(`cannot check ${PLANTED}`)
}
const verified = (verify: TokenVerifier['verify']): Gate => bearer({ verify })
const returning = (value: unknown): Gate => ({ admit: () => value as Verdict })

const gates: readonly (readonly [string, () => Gate])[] = [
  ['a verifier that throws', () => verified(fail)],
  ['a verifier that rejects', () => verified(async () => fail())],
  ['a verifier that returns nothing', () => verified(() => undefined as never)],
  ['anyOf with a gate that throws', () => anyOf(verified(fail))],
  ['anyOf with nonsense', () => anyOf(returning('yes'), returning({ admit: 'yes' }))],
  ['allOf with nonsense', () => allOf(returning({ admit: 1 }))],
  ['a function for the challenge that throws', () => bearer({ verify: fail }, { challenge: fail })],
]

async function connecting(transport: Parameters<Client['connect']>[0]): Promise<Error | undefined> {
  return await new Client({ name: 'test', version: '1' }).connect(transport).then(
    () => undefined,
    (error: Error) => error,
  )
}

describe.each(wires)('over $name', ({ serve }) => {
  test.each(gates)('%s refuses with 503 and reports the cause, without the token', async (_what, gate) => {
    const { client, refused, errors, connections } = await serve(gate())
    const error = await connecting(client({ headers: { authorization: `Bearer ${PLANTED}` } }))
    await until(() => refused.length > 0, 'the refusal is reported', TIMEOUT_MS)
    expect(error).toBeInstanceOf(Error)
    expect(refused[0]).toMatchObject({ status: 503 })
    expect(isTransportError(errors[0], 'CALLBACK_FAILED')).toBe(true)
    expect(connections).toEqual([])
    expect(`${error?.message} ${JSON.stringify(refused)}`).not.toContain(PLANTED)
  })

  test.each([
    ['a verifier', (pending: Promise<never>) => verified(() => pending)],
    [
      'anyOf',
      (pending: Promise<never>) => anyOf({ admit: () => pending }, { admit: () => ({ admit: true }) }),
    ],
  ])('%s that hangs refuses after gateTimeoutMs, and its signal aborts', async (_what, gateOf) => {
    const clock = createFakeClock()
    let signal: AbortSignal | undefined
    const gate = gateOf(new Promise<never>(() => {}))
    const watched: Gate = {
      admit: (handshake, own, before) => {
        signal = own
        return gate.admit(handshake, own, before)
      },
    }
    const { client, refused, connections } = await serve(watched, { clock, gateTimeoutMs: GATE_TIMEOUT_MS })
    const outcome = connecting(client({ headers: { authorization: `Bearer ${PLANTED}` } }))
    await until(() => signal !== undefined, 'the gate is called', TIMEOUT_MS)
    expect([signal?.aborted, refused]).toEqual([false, []])
    await clock.advance(GATE_TIMEOUT_MS)
    expect(await outcome).toBeInstanceOf(Error)
    await until(() => refused.length > 0, 'the refusal is reported', TIMEOUT_MS)
    expect(refused[0]).toMatchObject({ status: 503 })
    expect(signal?.aborted).toBe(true)
    expect(connections).toEqual([])
  })
})
