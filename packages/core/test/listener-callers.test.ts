import { inspect } from 'node:util'
import { settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, test, vi } from 'vitest'
import {
  type Admission,
  type AuthInfo,
  allowAll,
  type Gate,
  type Layer,
  type SessionPolicy,
  type Transport,
  type Verdict,
} from '../src/index.js'
import { caller } from './support/acceptors.js'
import { deferred } from './support/channels.js'
import { listening } from './support/listening.js'
import { numbered } from './support/messages.js'

const refusing = (status: 401 | 403 | 429): Gate => ({
  admit: () => ({ admit: false, status, reason: 'no' }),
})

const alice: AuthInfo = { token: 'hunter2', clientId: 'alice', scopes: ['read'] }

describe('a caller with an admission that the acceptor has decided', () => {
  const decided = (admission: Admission) => ({ ...caller(), admission })

  test('is admitted without a second call of the gate, with its authInfo', async () => {
    const gate = { admit: vi.fn<Gate['admit']>(() => ({ admit: false, status: 403, reason: 'no' })) }
    const { yielded, offer } = await listening({ gate })
    const client = decided({ admit: true, authInfo: alice })
    await offer(client)
    await yielded[0]?.start()

    expect(gate.admit).not.toHaveBeenCalled()
    expect(client.refuse).not.toHaveBeenCalled()
    expect(yielded[0]?.peer?.authInfo?.clientId).toBe('alice')
  })

  test('is refused where the session policy refuses', async () => {
    const open = vi.fn<SessionPolicy['open']>(() => ({ admit: false, status: 429, reason: 'too many' }))
    const { yielded, offer } = await listening({ sessionPolicy: { open } })
    const client = decided({ admit: true, authInfo: alice })
    await offer(client)

    expect(yielded).toEqual([])
    expect(open.mock.calls).toEqual([
      [{ handshake: client.handshake, admission: client.admission }, expect.any(AbortSignal)],
    ])
    expect(client.refuse.mock.calls).toEqual([[{ admit: false, status: 429, reason: 'too many' }]])
  })

  test('is closed when the admission expires or is revoked', async () => {
    const controller = new AbortController()
    const { clock, yielded, offer } = await listening()
    await offer(
      decided({ admit: true, expiresAt: clock.epochNow() + 500 }),
      decided({ admit: true, revoked: controller.signal }),
    )
    await Promise.all(yielded.map((connection) => connection.start()))
    controller.abort()
    await clock.advance(500)

    for (const connection of yielded) {
      await expect(connection.closed).resolves.toMatchObject({ code: 'REFUSED', details: { status: 401 } })
    }
    expect(yielded).toHaveLength(2)
  })

  test('is refused where the admission has expired or was revoked', async () => {
    const { clock, yielded, offer } = await listening()
    const callers = [
      decided({ admit: true, expiresAt: clock.epochNow() }),
      decided({ admit: true, revoked: AbortSignal.abort() }),
    ]
    await offer(...callers)

    expect(yielded).toEqual([])
    for (const { refuse } of callers)
      expect(refuse).toHaveBeenCalledWith(expect.objectContaining({ status: 401 }))
  })
})

describe('a caller', () => {
  test('is passed to onconnection idle and not connected', async () => {
    const { listener, yielded, offer } = await listening()
    const client = caller()
    await offer(client)

    expect(yielded.map(({ state }) => state)).toEqual(['idle'])
    expect([...listener.connections]).toEqual(yielded)
    expect(client.connector.connects).toBe(0)
    expect(client.refuse.mock.calls).toEqual([])
  })

  test('exchanges messages over the transport of onconnection', async () => {
    const { yielded, offer } = await listening()
    const client = caller()
    await offer(client)
    const onmessage = vi.fn()
    const [connection] = yielded as [Transport]
    connection.onmessage = onmessage
    await connection.start()
    client.connector.sink.message(numbered(1))
    await connection.send(numbered(2))

    expect(onmessage).toHaveBeenCalledWith(numbered(1), undefined)
    expect(client.connector.sent.map(({ message }) => message)).toEqual([numbered(2)])
  })

  test('receives the refusal of the gate, which is not reported', async () => {
    const { yielded, errors, offer } = await listening({ gate: refusing(403) })
    const client = caller()
    await offer(client)

    expect(client.refuse.mock.calls).toEqual([[{ admit: false, status: 403, reason: 'no' }]])
    expect(yielded).toEqual([])
    expect(errors).toEqual([])
    expect(client.connector.connects).toBe(0)
  })

  test('is refused and reported when the gate fails', async () => {
    const { errors, offer } = await listening({ gate: { admit: () => ({}) as Verdict } })
    const client = caller()
    await offer(client)

    expect(client.refuse.mock.calls[0]?.[0]).toMatchObject({ status: 503 })
    expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'gate.admit' } }])
  })

  test('is refused without onconnection', async () => {
    const { listener, offer } = await listening()
    listener.onconnection = undefined
    const client = caller()
    await offer(client)

    expect(client.refuse.mock.calls[0]?.[0]).toMatchObject({ status: 503 })
    expect(listener.connections.size).toBe(0)
  })

  test('is reported when its refusal throws, without affecting others', async () => {
    const { yielded, errors, offer } = await listening({
      gate: { admit: ({ path }) => (path ? { admit: true } : { admit: false, status: 403, reason: 'no' }) },
    })
    const rude = caller()
    rude.refuse.mockImplementation(() => {
      throw new Error('socket gone')
    })
    await offer(rude, caller({ path: '/' }))

    expect(errors.map(({ message }) => message)).toEqual(['socket gone'])
    expect(yielded).toHaveLength(1)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('my bug')
      },
    ],
    ['rejects', () => Promise.reject(new Error('my bug'))],
  ])('is closed and reported when onconnection %s', async (_name, fail) => {
    const { listener, errors, offer } = await listening()
    listener.onconnection = fail as () => void
    const client = caller()
    await offer(client)

    expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'onconnection' } }])
    expect(listener.connections.size).toBe(0)
    expect(client.refuse).toHaveBeenCalledTimes(1)
  })

  test('is refused and reported when a layer throws', async () => {
    const failure = new Error('my bug')
    const failing: Layer = () => {
      throw failure
    }
    const release = vi.fn()
    const { listener, errors, offer } = await listening({
      layers: [failing],
      sessionPolicy: { open: () => ({ admit: true, release }) },
    })
    const client = caller()
    await offer(client)

    expect(errors).toEqual([failure])
    expect(client.refuse).toHaveBeenCalledTimes(1)
    expect(release).toHaveBeenCalledTimes(1)
    expect(listener.connections.size).toBe(0)
  })

  test('has the layers of the listener, outermost first', async () => {
    const order: string[] = []
    const logging =
      (name: string): Layer =>
      (next) => ({
        connect: (sink, signal) => {
          order.push(name)
          return next.connect(sink, signal)
        },
      })
    const { yielded, offer } = await listening({ layers: [logging('outer'), logging('inner')] })
    await offer(caller())
    await yielded[0]?.start()

    expect(order).toEqual(['outer', 'inner'])
  })
})

describe('the authInfo of a client', () => {
  const admitting = (authInfo: AuthInfo): Gate => ({ admit: () => ({ admit: true, authInfo }) })

  test('is on the peer and in the context of each message', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const client = caller()
    await offer(client)
    const [connection] = yielded as [Transport]
    const contexts: unknown[] = []
    connection.onmessage = (_message, context) => contexts.push(context)
    await connection.start()
    const url = new URL('http://localhost/mcp')
    client.connector.sink.message(numbered(1))
    client.connector.sink.message(numbered(2), { requestInfo: { headers: {}, url } })

    expect(connection.peer).toMatchObject({ medium: 'test', authInfo: alice })
    expect(contexts).toMatchObject([{ authInfo: alice }, { authInfo: alice, requestInfo: { url } }])
  })

  test('does not replace the authInfo of a context', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const client = caller()
    await offer(client)
    const [connection] = yielded as [Transport]
    const onmessage = vi.fn()
    connection.onmessage = onmessage
    await connection.start()
    const context = { authInfo: { ...alice, clientId: 'bob' } }
    client.connector.sink.message(numbered(1), context)

    expect(onmessage.mock.calls[0]?.[1]).toBe(context)
  })

  test('is added without a call of context accessors', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const client = caller()
    await offer(client)
    const [connection] = yielded as [Transport]
    const contexts: object[] = []
    connection.onmessage = (_message, context) => contexts.push(context as object)
    await connection.start()
    const built = vi.fn(() => new Request('http://localhost/'))
    client.connector.sink.message(
      numbered(1),
      Object.defineProperty({}, 'request', { get: built, enumerable: true }),
    )
    expect(built).not.toHaveBeenCalled()

    expect((contexts[0] as { request: Request }).request.url).toBe('http://localhost/')
  })

  test('is absent without authInfo', async () => {
    const { yielded, offer } = await listening({ gate: allowAll() })
    const client = caller()
    await offer(client)
    const [connection] = yielded as [Transport]
    const onmessage = vi.fn()
    connection.onmessage = onmessage
    await connection.start()
    client.connector.sink.message(numbered(1))

    expect(connection.peer?.authInfo).toBeUndefined()
    expect(onmessage.mock.calls[0]?.[1]).toBeUndefined()
  })

  test('hides the token from util.inspect', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const client = caller()
    await offer(client)
    const [connection] = yielded as [Transport]
    const contexts: unknown[] = []
    connection.onmessage = (_message, context) => contexts.push(context)
    await connection.start()
    client.connector.sink.message(numbered(1))
    const printed = [connection.peer, connection.peer?.authInfo, contexts[0], connection, connection.closed]
      .map((each) => inspect(each, { depth: 10, showHidden: true }))
      .join()

    expect(printed).not.toContain('hunter2')
    expect(printed).toContain('alice')
    expect(connection.peer?.authInfo?.token).toBe('hunter2')
  })
})

describe('maxConnections', () => {
  test('limits connections and frees a place with each end', async () => {
    const { listener, yielded, errors, refused, offer } = await listening({ maxConnections: 2 })
    const third = caller()
    await offer(caller(), caller(), third)
    expect(yielded).toHaveLength(2)
    expect(third.refuse.mock.calls[0]?.[0].status).toBe(503)
    expect(errors).toEqual([])
    expect(refused).toMatchObject([{ status: 503, option: 'maxConnections' }])
    await yielded[0]?.close()
    await offer(caller())

    expect(yielded).toHaveLength(3)
    expect(listener.connections.size).toBe(2)
  })

  test('counts callers that wait for the gate', async () => {
    const verdict = deferred<Verdict>()
    const { yielded, offer } = await listening({ maxConnections: 2, gate: { admit: () => verdict.promise } })
    const third = caller()
    await offer(caller(), caller(), third)
    expect(third.refuse).toHaveBeenCalledTimes(1)
    verdict.resolve({ admit: false, status: 403, reason: 'no' })
    await settled()
    const fourth = caller()
    await offer(fourth)

    expect(yielded).toHaveLength(0)
    expect(fourth.refuse.mock.calls[0]?.[0].status).toBe(403)
  })

  test('counts each caller once when several arrive together', async () => {
    const { listener, yielded, sink } = await listening({ maxConnections: 2 })
    const second = caller()
    listener.onconnection = (connection) => {
      yielded.push(connection)
      if (yielded.length === 1) sink.connection(second)
    }
    sink.connection(caller())
    await settled()

    expect(yielded).toHaveLength(2)
    expect(second.refuse).not.toHaveBeenCalled()
  })
})
