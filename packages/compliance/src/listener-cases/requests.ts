import {
  type Gate,
  isRequest,
  isTransportError,
  type JsonRpcMessage,
  type Refusal,
  type SessionGrant,
  type SessionPolicy,
} from '@mcpwire/core'
import { expect } from 'vitest'
import { createFakeClock } from '../fake-clock.js'
import type { ListenerCase, ListenerFixture, OpenConnection } from '../listener-fixture.js'
import { notification, request, response } from '../sample-messages.js'
import { turns } from '../waiting.js'

const refusal: Refusal = { admit: false, status: 403, reason: 'not allowed' }
/** Reserved for documentation (RFC 5737). */
const RESOLVED = '203.0.113.7'

/** Decisions about each request, callers behind proxies, and sessions. */
export const requestCases: readonly ListenerCase[] = [
  {
    title: 'asks admitMessage of the gate about each request, and passes on those that it admits',
    run: async (fixture) => {
      const asked: string[] = []
      const open = await gated(fixture, (message, { medium }, { authInfo }) => {
        asked.push(`${message.method} of ${authInfo?.clientId}, ${medium === '' ? 'no' : 'a'} medium`)
        return message.method === 'test/denied' ? refusal : undefined
      })
      answerAll(open)
      const outcomes = await Promise.all(
        ['test/ask', 'test/denied'].map((method, id) => outcomeOf(fixture, open, request(id, method))),
      )
      await open.client.send(notification(1))
      await fixture.until(() => open.atConnection.messages.length >= 2, 'the admitted messages arrived')
      expect(outcomes, 'outcomes of the admitted and the refused request').toEqual(['result', 'refused'])
      expect(methodsAt(open), 'messages at the application').toEqual(['test/ask', 'test/note'])
      expect(
        asked.filter((each) => each.startsWith('test/')).sort(),
        'requests that were asked about',
      ).toEqual(['test/ask of alice, a medium', 'test/denied of alice, a medium'])
    },
  },
  failsClosed('throws', () => {
    throw new Error('from admitMessage')
  }),
  failsClosed('rejects', () => Promise.reject(new Error('from admitMessage'))),
  failsClosed('returns true', () => true as never),
  failsClosed('returns {}', () => ({}) as never),
  failsClosed('returns an admission', () => ({ admit: true }) as never),
  {
    title: 'refuses a request when admitMessage does not decide within gateTimeoutMs, and aborts its signal',
    run: async (fixture) => {
      const clock = createFakeClock()
      const signals: AbortSignal[] = []
      const ask = (_message: unknown, _handshake: unknown, _admission: unknown, signal: AbortSignal) => {
        signals.push(signal)
        return new Promise<never>(() => {})
      }
      const open = await gated(fixture, ask, { clock, gateTimeoutMs: 1_000 })
      const outcome = outcomeOf(fixture, open, request(7, 'test/denied'))
      outcome.catch(() => {})
      await fixture.until(() => signals.length > 0, 'admitMessage was called')
      await clock.advance(1_000)
      expect(await outcome, 'outcome of the request').toBe('refused')
      expect(signals[0]?.aborted, 'the signal of admitMessage is aborted').toBe(true)
      expect(methodsAt(open), 'messages at the application').toEqual([])
    },
  },
  {
    title: 'delivers a request that admitMessage admits later, and then its cancellation',
    run: async (fixture) => {
      let decide!: (refusal?: undefined) => void
      let isAsked = false
      const open = await gated(fixture, () => {
        isAsked = true
        return new Promise<undefined>((resolve) => {
          decide = resolve
        })
      })
      const sent = open.client.send(request(7, 'test/denied'))
      sent.catch(() => {})
      await fixture.until(() => isAsked, 'admitMessage was called')
      const params = { requestId: 7 }
      const cancelled = open.client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
      cancelled.catch(() => {})
      await turns()
      expect(methodsAt(open), 'messages at the application before the decision').toEqual([])
      decide()
      await fixture.until(() => open.atConnection.messages.length > 0, 'the request arrived')
      expect(methodsAt(open)[0], 'the first message at the application').toBe('test/denied')
    },
  },
  {
    title: 'uses the caller that resolveCaller finds, for the gate, peer.address and onrefused',
    run: async (fixture) => {
      const seen: unknown[] = []
      let isRefusing = false
      const gate: Gate = {
        admit: ({ remote }) => {
          seen.push(remote.address)
          return isRefusing ? refusal : { admit: true }
        },
      }
      const server = await fixture.listening({
        gate,
        resolveCaller: (handshake) => ({ ...handshake, remote: { address: RESOLVED, port: 7 } }),
      })
      const { connection } = await fixture.connectClient(server)
      expect(seen[0], 'remote.address of the handshake').toBe(RESOLVED)
      expect(connection.peer?.address, 'peer.address').toContain(RESOLVED)
      isRefusing = true
      await fixture.refused(server)
      await fixture.until(() => server.refused.length > 0, 'onrefused was called')
      expect(server.refused[0]?.address, 'address of the refused caller').toContain(RESOLVED)
    },
  },
  ...(
    [
      ['refuses', () => refusal],
      [
        'throws',
        () => {
          throw new Error('from resolveCaller')
        },
      ],
      ['returns nothing', () => undefined as never],
      ['returns no handshake', () => ({ remote: {} }) as never],
      ['returns a promise', () => Promise.resolve() as never],
    ] as const
  ).map(
    ([how, resolveCaller]): ListenerCase => ({
      title: `refuses a client if resolveCaller ${how}`,
      run: async (fixture) => {
        let gateCalls = 0
        const gate: Gate = {
          admit: () => {
            gateCalls++
            return { admit: true }
          },
        }
        const server = await fixture.listening({ gate, resolveCaller })
        const reason = await fixture.refused(server)
        if (fixture.hasAbility('reportsRefusal'))
          expect(isTransportError(reason, 'REFUSED'), `the reason: ${String(reason)}`).toBe(true)
        expect(gateCalls, 'calls of the gate').toBe(0)
        expect(server.connections, 'connections that the listener yielded').toEqual([])
        if (how === 'refuses') return
        expect(server.errors, 'errors of onerror').toMatchObject([{ code: 'CALLBACK_FAILED' }])
      },
    }),
  ),
  {
    title: 'waits for an asynchronous session policy, and releases a grant that comes after gateTimeoutMs',
    run: async (fixture) => {
      const clock = createFakeClock()
      const grants: ((grant: SessionGrant) => void)[] = []
      let released = 0
      const sessionPolicy: SessionPolicy = {
        open: (_attempt, _signal) => new Promise((resolve) => void grants.push(resolve)),
      }
      const server = await fixture.listening({ sessionPolicy, clock, gateTimeoutMs: 1_000 })
      const refused = fixture.refused(server)
      refused.catch(() => {})
      await fixture.until(() => grants.length > 0, 'the session policy was called')
      await clock.advance(1_000)
      await refused
      grants[0]?.({ admit: true, release: () => released++ })
      await fixture.until(() => released > 0, 'the late grant was released')
      expect(released, 'calls of the release function').toBe(1)
      expect(server.connections, 'connections that the listener yielded').toEqual([])
      const connecting = fixture.connectClient(server)
      connecting.catch(() => {})
      await fixture.until(() => grants.length > 1, 'the session policy was called again')
      expect(server.connections, 'connections before the grant').toEqual([])
      grants[1]?.({ admit: true })
      await connecting
    },
  },
  {
    title: 'ends the session when its grant is revoked',
    run: async (fixture) => {
      const revoked = new AbortController()
      const sessionPolicy: SessionPolicy = { open: () => ({ admit: true, revoked: revoked.signal }) }
      const server = await fixture.listening({ sessionPolicy })
      const { connection } = await fixture.connectClient(server)
      revoked.abort()
      const reason = await fixture.within(connection.closed, 'the connection ended')
      expect(isTransportError(reason, 'REFUSED'), `the reason: ${String(reason)}`).toBe(true)
    },
  },
]

type Ask = NonNullable<Gate['admitMessage']>

/** Connects a client of a listener whose gate asks about requests whose method starts with `test/`. */
async function gated(
  fixture: ListenerFixture,
  ask: Ask,
  options: Parameters<ListenerFixture['listening']>[0] = {},
): Promise<OpenConnection> {
  const authInfo = { token: 'secret-token', clientId: 'alice', scopes: [] }
  const gate: Gate = {
    admit: () => ({ admit: true, authInfo }),
    admitMessage: (message, handshake, admission, signal) =>
      message.method.startsWith('test/') ? ask(message, handshake, admission, signal) : undefined,
  }
  return fixture.connectClient(await fixture.listening({ ...options, gate }))
}

function failsClosed(how: string, ask: Ask): ListenerCase {
  return {
    title: `refuses a request if admitMessage ${how}, and reports it`,
    run: async (fixture) => {
      const open = await gated(fixture, ask)
      expect(await outcomeOf(fixture, open, request(7, 'test/denied')), 'outcome of the request').toBe(
        'refused',
      )
      expect(methodsAt(open), 'messages at the application').toEqual([])
    },
  }
}

/** Answers each request at the application. */
function answerAll({ connection }: OpenConnection): void {
  const receive = connection.onmessage
  connection.onmessage = (message, context) => {
    receive?.(message, context)
    if (isRequest(message)) connection.send(response(message.id)).catch(() => {})
  }
}

function methodsAt({ atConnection }: OpenConnection): string[] {
  return atConnection.messages.flatMap((message) => ('method' in message ? [message.method] : []))
}

/** Whether a request gets a result or a refusal: as its response, or over HTTP as the rejection of its `send()`. */
async function outcomeOf(
  fixture: ListenerFixture,
  { client, atClient }: OpenConnection,
  message: JsonRpcMessage & { readonly id: string | number },
): Promise<'result' | 'refused'> {
  let rejection: unknown
  client.send(message).catch((error: unknown) => {
    rejection = error
  })
  const answer = (): JsonRpcMessage | undefined =>
    atClient.messages.find((each) => 'id' in each && each.id === message.id)
  await fixture.until(() => answer() !== undefined || rejection !== undefined, 'the request was answered')
  const received = answer()
  if (received && 'result' in received) return 'result'
  if (rejection !== undefined) {
    const isRefused = isTransportError(rejection, 'REFUSED')
    expect(isRefused, `the rejection of send(): ${String(rejection)}`).toBe(true)
  } else expect(received, 'the response to a refused request').toMatchObject({ error: { code: -31_007 } })
  return 'refused'
}
