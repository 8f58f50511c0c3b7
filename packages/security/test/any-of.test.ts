import { describeGate } from '@mcpwire/compliance'
import {
  type Admission,
  allOf,
  type Gate,
  type JsonRpcRequest,
  type Refusal,
  type Verdict,
} from '@mcpwire/core'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { describe, expect, test } from 'vitest'
import { anyOf, bearer, remoteIn, TokenError } from '../src/index.js'
import { admissionOf, httpCaller, refusalOf, verdictOf } from './support/handshakes.js'

const { signal } = new AbortController()
const request: JsonRpcRequest = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

function refusing(status: Refusal['status'], challenge?: string): Gate {
  return {
    admit: () => ({
      admit: false,
      status,
      reason: `refused with ${status}`,
      ...(challenge && { challenge }),
    }),
  }
}

function admitting(clientId: string): Gate {
  return { admit: () => ({ admit: true, authInfo: { token: '', clientId, scopes: [] } }) }
}

const broken: Gate = {
  admit: () => {
    throw new Error('the database is down')
  },
}

const tokens = bearer({
  verify: (token) => {
    if (token !== 'good') throw new TokenError('invalid_token', 'the token is not known')
    return { authInfo: { token, clientId: 'ada', scopes: [] } }
  },
})

describeGate('anyOf', {
  gate: () => anyOf(remoteIn(['192.0.2.0/24']), tokens),
  admits: {
    'a caller in the range': httpCaller(),
    'a caller with a token': httpCaller({ authorization: 'Bearer good' }, { remote: {} }),
  },
  refuses: { 'a caller with neither': httpCaller({}, { remote: {} }) },
})

test('admits by the first gate that admits, and calls no later one', async () => {
  const calls: string[] = []
  const counted = (name: string, gate: Gate): Gate => ({
    admit: (...args) => {
      calls.push(name)
      return gate.admit(...args)
    },
  })
  const gate = anyOf(counted('a', refusing(403)), counted('b', admitting('b')), counted('c', admitting('c')))
  expect((await admissionOf(gate, httpCaller())).authInfo?.clientId).toBe('b')
  expect(calls).toEqual(['a', 'b'])
})

test.each([
  [[refusing(403), refusing(401, 'Bearer'), refusing(401)], 401, 'Bearer'],
  [[refusing(401), refusing(401, 'Bearer')], 401, 'Bearer'],
  [[refusing(401, 'Bearer'), refusing(401, 'ApiKey')], 401, 'Bearer'],
  [
    [refusing(401, 'Bearer'), refusing(403, 'Bearer error="insufficient_scope"')],
    403,
    'Bearer error="insufficient_scope"',
  ],
  [[refusing(401, 'Bearer'), refusing(400)], 400, undefined],
  [[refusing(421), refusing(403)], 403, undefined],
  [[refusing(401, 'Bearer'), refusing(503)], 503, undefined],
  [[refusing(429), refusing(403)], 429, undefined],
  [[refusing(421)], 421, undefined],
] as const)('returns the most useful refusal: %#', async (gates, status, challenge) => {
  const refusal = await refusalOf(anyOf(...(gates as unknown as [Gate])), httpCaller())
  expect([refusal.status, refusal.challenge]).toEqual([status, challenge])
})

describe('a gate that fails', () => {
  test('does not stop the others', async () => {
    const errors: Error[] = []
    const gate = anyOf(broken, admitting('b'), { onError: (error) => errors.push(error) })
    expect((await admissionOf(gate, httpCaller())).authInfo?.clientId).toBe('b')
    expect(errors.map(({ message }) => message)).toEqual(['the database is down'])
  })

  test.each<[string, unknown]>([
    ['returns nothing', undefined],
    ['returns true', true],
    ['returns an unknown status', { admit: false, status: 200, reason: '' }],
    ['returns an admission without a valid end', { admit: true, expiresAt: Number.NaN }],
    ['rejects', new Error('late')],
  ])('counts as failed if it %s', async (_what, result) => {
    const nonsense: Gate = {
      admit: () => (result instanceof Error ? Promise.reject(result) : (result as Verdict)),
    }
    expect((await admissionOf(anyOf(nonsense, admitting('b')), httpCaller())).authInfo?.clientId).toBe('b')
    await expect(verdictOf(anyOf(nonsense), httpCaller())).rejects.toThrow('a gate of anyOf() failed')
  })

  test('makes the decision fail if no other admits, with its error as the cause', async () => {
    const error = await verdictOf(anyOf(refusing(401, 'Bearer'), broken), httpCaller()).catch((each) => each)
    expect(error).toMatchObject({
      message: 'a gate of anyOf() failed: the database is down',
      cause: { message: 'the database is down' },
    })
  })

  test('keeps the errors of all', async () => {
    const error = await verdictOf(anyOf(broken, broken), httpCaller()).catch((each) => each)
    expect(error.cause.errors).toHaveLength(2)
  })

  test('does not admit because its onError fails', async () => {
    const gate = anyOf(broken, refusing(403), {
      onError: () => {
        throw new Error('in onError')
      },
    })
    await expect(verdictOf(gate, httpCaller())).rejects.toThrow('the database is down')
  })
})

test('calls no further gate after the signal has aborted', async () => {
  const controller = new AbortController()
  const gate = anyOf(
    {
      admit: () => {
        controller.abort(new Error('late'))
        return { admit: false, status: 403, reason: 'late' }
      },
    },
    admitting('b'),
  )
  await expect(gate.admit(httpCaller(), controller.signal)).rejects.toThrow('late')
})

test('passes on what earlier gates have admitted', async () => {
  const seen: (Admission | undefined)[] = []
  const recording: Gate = {
    admit: (_handshake, _signal, before) => {
      seen.push(before)
      return { admit: true }
    },
  }
  await allOf(admitting('a'), anyOf(refusing(403), recording)).admit(httpCaller(), signal)
  expect(seen[0]?.authInfo?.clientId).toBe('a')
})

describe('admitMessage', () => {
  const readOnly: Gate = {
    ...admitting('reader'),
    admitMessage: () => ({ admit: false, status: 403, reason: 'read only' }),
  }
  const ifHeader = (name: string, gate: Gate): Gate => ({
    ...gate,
    admit: (handshake, ...rest) =>
      handshake.headers[name] === undefined
        ? refusing(403).admit(handshake, ...rest)
        : gate.admit(handshake, ...rest),
  })

  test.each([
    ['of the gate', (gate: Gate) => gate],
    ['of the gate inside allOf', (gate: Gate) => allOf({ admit: () => ({ admit: true }) }, gate)],
    ['of the gate inside another anyOf', (gate: Gate) => anyOf(refusing(401), gate)],
  ])('%s that has admitted the caller is asked', async (_what, wrap) => {
    const gate = wrap(anyOf(ifHeader('x-reader', readOnly), ifHeader('x-writer', admitting('writer'))))
    for (const [header, refusal] of [
      ['x-reader', { status: 403, reason: 'read only' }],
      ['x-writer', undefined],
    ] as const) {
      const handshake = httpCaller({ [header]: '1' })
      const admission = await admissionOf(gate, handshake)
      const answer = await gate.admitMessage?.(request, handshake, admission, signal)
      if (refusal) expect(answer).toMatchObject(refusal)
      else expect(answer).toBeUndefined()
    }
  })

  test('fails for a caller that was not admitted', () => {
    expect(() => anyOf(readOnly).admitMessage?.(request, httpCaller(), { admit: true }, signal)).toThrow(
      'not admitted',
    )
  })

  test('is left out if no gate has it', () => {
    expect(anyOf(admitting('a')).admitMessage).toBeUndefined()
  })
})

test('rejects calls without a gate, and with an invalid one', () => {
  expect(failureOf(() => (anyOf as () => Gate)())).toMatchObject(refused('gates'))
  expect(failureOf(() => anyOf({} as Gate))).toMatchObject(refused('gate'))
  expect(failureOf(() => anyOf(broken, { onError: 1 } as never))).toMatchObject(refused('onError'))
  expect(failureOf(() => anyOf(broken, { onerror: () => {} } as never))).toMatchObject(refused('onerror'))
  expect(failureOf(() => anyOf(null as never, broken))).toMatchObject(refused('gate'))
})
