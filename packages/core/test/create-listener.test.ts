import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { createListener } from '../src/authoring.js'
import {
  type Admission,
  type AuthInfo,
  allowAll,
  type Gate,
  type Layer,
  type Listener,
  type ListenerOptions,
  type SessionPolicy,
  type Transport,
  type Verdict,
} from '../src/index.js'
import { acceptor, type Caller, caller, type HandmadeListening } from './support/acceptors.js'
import { deferred } from './support/channels.js'
import { fakeClock, settled } from './support/fake-clock.js'
import { numbered } from './support/messages.js'

/** A listener that is open, and what it tells. */
async function listening(options: ListenerOptions = {}, parts: HandmadeListening = {}) {
  const made = making(options, parts)
  await made.listener.start()
  const offer = async (...callers: Caller[]): Promise<void> => {
    for (const each of callers) made.door.connection(each)
    await settled()
  }
  return { ...made, offer }
}

function making(options: ListenerOptions = {}, parts: HandmadeListening = {}) {
  const clock = fakeClock()
  const accepting = acceptor(parts)
  const listener = createListener(accepting, { clock, ...options })
  const yielded: Transport[] = []
  const log: string[] = []
  const errors: Error[] = []
  listener.onconnection = (connection) => yielded.push(connection)
  listener.onerror = (error) => {
    errors.push(error)
    log.push('error')
  }
  listener.onclose = () => log.push('close')
  return {
    clock,
    acceptor: accepting,
    listener,
    yielded,
    log,
    errors,
    get door() {
      return accepting.door
    },
  }
}

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
    expect(open.mock.calls).toEqual([[client.handshake, client.admission]])
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

describe('start() of a listener', () => {
  test('binds and then has the address', async () => {
    const { listener, log } = making()
    expect(listener.address).toBeUndefined()
    await listener.start()

    expect([listener.address, log]).toEqual(['test://here', []])
  })

  test('has a url after the start and throws NOT_STARTED before', async () => {
    const { listener } = making()
    expect(() => listener.url).toThrow(expect.objectContaining({ code: 'NOT_STARTED' }))
    await listener.start()

    expect(listener.url).toBe('test://here')
  })

  test('rejects a second call with ALREADY_STARTED and a late one with CLOSED', async () => {
    const { listener } = await listening()
    await expect(listener.start()).rejects.toMatchObject({ code: 'ALREADY_STARTED' })
    await listener.close()

    await expect(listener.start()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('requires a gate to bind beyond this host', async () => {
    const { listener, log, acceptor } = making({}, { bindsBeyondThisHost: true })
    await expect(listener.start()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      details: { option: 'gate' },
    })

    expect(log).toEqual(['error', 'close'])
    expect(() => acceptor.door).toThrow()
    await expect(listening({ gate: allowAll() }, { bindsBeyondThisHost: true })).resolves.toBeDefined()
  })

  test('rejects with the error of the bind after calling onerror and onclose', async () => {
    const failure = new Error('EADDRINUSE')
    const { listener, log, errors } = making({}, { listen: () => Promise.reject(failure) })
    await expect(listener.start()).rejects.toBe(failure)

    expect([log, errors]).toEqual([['error', 'close'], [failure]])
    await expect(listener.closed).resolves.toBe(failure)
  })

  test('rejects when the acceptor throws', async () => {
    const failure = new Error('EADDRINUSE')
    const { listener } = making(
      {},
      {
        listen: () => {
          throw failure
        },
      },
    )

    await expect(listener.start()).rejects.toBe(failure)
  })

  test('rejects with the reason of an abort before and during the bind', async () => {
    const reason = { not: 'an error' }
    const before = making()
    await expect(before.listener.start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(() => before.acceptor.door).toThrow()

    const controller = new AbortController()
    const bound = deferred()
    const during = making({}, { listen: (binding) => bound.promise.then(() => binding) })
    const rejected = expect(during.listener.start({ signal: controller.signal })).rejects.toBe(reason)
    controller.abort(reason)
    expect(during.acceptor.signal.reason).toBe(reason)
    bound.resolve()
    await rejected

    expect([during.acceptor.close.mock.calls.length, during.log]).toEqual([1, ['error', 'close']])
  })

  test('abandons an acceptor that ignores the abort and releases its late binding', async () => {
    const bound = deferred()
    const { clock, listener, acceptor } = making(
      { closeTimeoutMs: 100 },
      { listen: (binding) => bound.promise.then(() => binding) },
    )
    const rejected = expect(listener.start()).rejects.toMatchObject({ code: 'CLOSED' })
    const closed = listener.close()
    await clock.advance(100)
    await Promise.all([rejected, closed])
    bound.resolve()
    await settled()

    expect([acceptor.close.mock.calls.length, clock.pending]).toEqual([1, 0])
  })

  test('rejects with CLOSED when closed during the bind, which is an orderly end', async () => {
    const { listener, log } = making({}, { listen: (binding) => settled().then(() => binding) })
    const rejected = expect(listener.start()).rejects.toMatchObject({ code: 'CLOSED' })
    await Promise.all([listener.close(), listener.close(), rejected])

    expect(log).toEqual(['close'])
    await expect(listener.closed).resolves.toBeUndefined()
  })

  test('closes earlier connections when it fails', async () => {
    const failure = new Error('no more descriptors')
    const early = caller()
    const { listener, yielded } = making(
      {},
      {
        listen: async (_binding, door) => {
          door.connection(early)
          await settled()
          throw failure
        },
      },
    )
    await expect(listener.start()).rejects.toBe(failure)

    expect(yielded.map(({ state }) => state)).toEqual(['closed'])
    expect([listener.connections.size, early.refuse.mock.calls.length]).toEqual([0, 1])
  })

  test('rejects when the acceptor fails as it opens', async () => {
    const failure = new Error('gone')
    const { listener, acceptor } = making(
      {},
      {
        listen: async (binding, door) => {
          queueMicrotask(() => door.end(failure))
          return binding
        },
      },
    )
    await expect(listener.start()).rejects.toBe(failure)

    expect(acceptor.close).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['gateTimeoutMs', 0],
    ['maxConnections', 0],
    ['maxConnections', 1.5],
    ['startTimeoutMs', 0],
    ['closeTimeoutMs', -1],
    ['gateTimeoutMs', Number.NaN],
  ])('rejects the option %s with %o', (option, value) => {
    expect(() => createListener(acceptor(), { [option]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: { option, received: value } }),
    )
  })
})

describe('a caller', () => {
  test('is passed to onconnection idle and not connected', async () => {
    const { listener, yielded, offer } = await listening()
    const someone = caller()
    await offer(someone)

    expect(yielded.map(({ state }) => state)).toEqual(['idle'])
    expect([...listener.connections]).toEqual(yielded)
    expect([someone.connector.connects, someone.refuse.mock.calls]).toEqual([0, []])
  })

  test('exchanges messages over the transport of onconnection', async () => {
    const { yielded, offer } = await listening()
    const someone = caller()
    await offer(someone)
    const onmessage = vi.fn()
    const [connection] = yielded as [Transport]
    connection.onmessage = onmessage
    await connection.start()
    someone.connector.sink.message(numbered(1))
    await connection.send(numbered(2))

    expect(onmessage).toHaveBeenCalledWith(numbered(1), undefined)
    expect(someone.connector.sent.map(({ message }) => message)).toEqual([numbered(2)])
  })

  test('receives the refusal of the gate, which is not reported', async () => {
    const { yielded, errors, offer } = await listening({ gate: refusing(403) })
    const someone = caller()
    await offer(someone)

    expect(someone.refuse.mock.calls).toEqual([[{ admit: false, status: 403, reason: 'no' }]])
    expect([yielded, errors, someone.connector.connects]).toEqual([[], [], 0])
  })

  test('is refused and reported when the gate fails', async () => {
    const { errors, offer } = await listening({ gate: { admit: () => ({}) as Verdict } })
    const someone = caller()
    await offer(someone)

    expect(someone.refuse.mock.calls[0]?.[0]).toMatchObject({ status: 503 })
    expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'gate.admit' } }])
  })

  test('is refused without onconnection', async () => {
    const { listener, offer } = await listening()
    listener.onconnection = undefined
    const someone = caller()
    await offer(someone)

    expect(someone.refuse.mock.calls[0]?.[0]).toMatchObject({ status: 503 })
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

    expect([errors.map(({ message }) => message), yielded.length]).toEqual([['socket gone'], 1])
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
    const someone = caller()
    await offer(someone)

    expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'onconnection' } }])
    expect([listener.connections.size, someone.refuse.mock.calls.length]).toEqual([0, 1])
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
    const someone = caller()
    await offer(someone)

    expect([errors, someone.refuse.mock.calls.length, release.mock.calls.length]).toEqual([[failure], 1, 1])
    expect(listener.connections.size).toBe(0)
  })

  test('has the layers of the listener, outermost first', async () => {
    const order: string[] = []
    const noting =
      (name: string): Layer =>
      (next) => ({
        connect: (sink, signal) => {
          order.push(name)
          return next.connect(sink, signal)
        },
      })
    const { yielded, offer } = await listening({ layers: [noting('outer'), noting('inner')] })
    await offer(caller())
    await yielded[0]?.start()

    expect(order).toEqual(['outer', 'inner'])
  })
})

describe('the authInfo of a client', () => {
  const admitting = (authInfo: AuthInfo): Gate => ({ admit: () => ({ admit: true, authInfo }) })

  test('is on the peer and in the context of each message', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const someone = caller()
    await offer(someone)
    const [connection] = yielded as [Transport]
    const contexts: unknown[] = []
    connection.onmessage = (_message, context) => contexts.push(context)
    await connection.start()
    const url = new URL('http://localhost/mcp')
    someone.connector.sink.message(numbered(1))
    someone.connector.sink.message(numbered(2), { requestInfo: { headers: {}, url } })

    expect(connection.peer).toMatchObject({ medium: 'test', authInfo: alice })
    expect(contexts).toMatchObject([{ authInfo: alice }, { authInfo: alice, requestInfo: { url } }])
  })

  test('does not replace the authInfo of a context', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const someone = caller()
    await offer(someone)
    const [connection] = yielded as [Transport]
    const onmessage = vi.fn()
    connection.onmessage = onmessage
    await connection.start()
    const context = { authInfo: { ...alice, clientId: 'bob' } }
    someone.connector.sink.message(numbered(1), context)

    expect(onmessage.mock.calls[0]?.[1]).toBe(context)
  })

  test('is added without a call of context accessors', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const someone = caller()
    await offer(someone)
    const [connection] = yielded as [Transport]
    const contexts: object[] = []
    connection.onmessage = (_message, context) => contexts.push(context as object)
    await connection.start()
    const built = vi.fn(() => new Request('http://localhost/'))
    someone.connector.sink.message(
      numbered(1),
      Object.defineProperty({}, 'request', { get: built, enumerable: true }),
    )
    expect(built).not.toHaveBeenCalled()

    expect((contexts[0] as { request: Request }).request.url).toBe('http://localhost/')
  })

  test('is absent without authInfo', async () => {
    const { yielded, offer } = await listening({ gate: allowAll() })
    const someone = caller()
    await offer(someone)
    const [connection] = yielded as [Transport]
    const onmessage = vi.fn()
    connection.onmessage = onmessage
    await connection.start()
    someone.connector.sink.message(numbered(1))

    expect([connection.peer?.authInfo, onmessage.mock.calls[0]?.[1]]).toEqual([undefined, undefined])
  })

  test('hides the token from util.inspect', async () => {
    const { yielded, offer } = await listening({ gate: admitting(alice) })
    const someone = caller()
    await offer(someone)
    const [connection] = yielded as [Transport]
    const contexts: unknown[] = []
    connection.onmessage = (_message, context) => contexts.push(context)
    await connection.start()
    someone.connector.sink.message(numbered(1))
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
    const { listener, yielded, errors, offer } = await listening({ maxConnections: 2 })
    const third = caller()
    await offer(caller(), caller(), third)
    expect([yielded.length, third.refuse.mock.calls[0]?.[0].status]).toEqual([2, 503])
    expect(errors).toMatchObject([{ code: 'REFUSED', details: { status: 503 } }])
    await yielded[0]?.close()
    await offer(caller())

    expect([yielded.length, listener.connections.size]).toEqual([3, 2])
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

    expect([yielded.length, fourth.refuse.mock.calls[0]?.[0].status]).toEqual([0, 403])
  })

  test('counts each caller once when several arrive together', async () => {
    const { listener, yielded, door } = await listening({ maxConnections: 2 })
    const second = caller()
    listener.onconnection = (connection) => {
      yielded.push(connection)
      if (yielded.length === 1) door.connection(second)
    }
    door.connection(caller())
    await settled()

    expect([yielded.length, second.refuse.mock.calls.length]).toEqual([2, 0])
  })
})

describe('a connection of a listener', () => {
  const startedWith = async (options: ListenerOptions) => {
    const made = await listening(options)
    const someone = caller()
    await made.offer(someone)
    const [connection] = made.yielded as [Transport]
    await connection.start()
    return { ...made, someone, connection }
  }

  test('is closed and its caller released when it is not started within startTimeoutMs', async () => {
    const { clock, yielded, offer } = await listening({ startTimeoutMs: 100 })
    const someone = caller()
    await offer(someone)
    await clock.advance(99)
    expect(yielded[0]?.state).toBe('idle')
    await clock.advance(1)

    expect([yielded[0]?.state, someone.refuse.mock.calls.length, clock.pending]).toEqual(['closed', 1, 0])
    await expect(yielded[0]?.closed).resolves.toMatchObject({
      message: expect.stringContaining('startTimeoutMs'),
    })
  })

  test('is not closed after startTimeoutMs once it was started', async () => {
    const { clock, connection } = await startedWith({ startTimeoutMs: 100 })
    await clock.advance(1_000)

    expect(connection.state).toBe('open')
  })

  test('is closed when the admission expires', async () => {
    const expiresAt = fakeClock().epochNow() + 500
    const { clock, connection } = await startedWith({ gate: { admit: () => ({ admit: true, expiresAt }) } })
    await clock.advance(499)
    expect(connection.state).toBe('open')
    await clock.advance(1)

    await expect(connection.closed).resolves.toMatchObject({ code: 'REFUSED', details: { status: 401 } })
  })

  test('is closed on time when the admission expires in a month', async () => {
    const monthMs = 30 * 86_400_000
    const fake = fakeClock()
    const late = { ...fake, deadline: (ms: number, expire: () => void) => fake.deadline(ms * 1.01, expire) }
    const gate = { admit: () => ({ admit: true as const, expiresAt: fake.epochNow() + monthMs }) }
    const { connection } = await startedWith({ gate, clock: late })
    await fake.advance(monthMs - 1)
    expect(connection.state).toBe('open')
    await fake.advance(100)

    expect(connection.state).toBe('closed')
  })

  test('is not closed early when the admission expires in years', async () => {
    const expiresAt = fakeClock().epochNow() + 1e12
    const { clock, connection } = await startedWith({ gate: { admit: () => ({ admit: true, expiresAt }) } })
    await clock.advance(1e11)

    expect(connection.state).toBe('open')
  })

  test('is closed when the admission is revoked', async () => {
    const controller = new AbortController()
    const { connection, someone } = await startedWith({
      gate: { admit: () => ({ admit: true, revoked: controller.signal }) },
    })
    controller.abort()

    await expect(connection.closed).resolves.toMatchObject({ code: 'REFUSED', details: { status: 401 } })
    expect(someone.connector.close).toHaveBeenCalledTimes(1)
  })

  test('is not passed to onconnection when the admission is revoked before', async () => {
    const controller = new AbortController()
    const { listener, yielded, offer } = await listening({
      gate: { admit: () => ({ admit: true, revoked: controller.signal }) },
      sessionPolicy: {
        open: () => {
          controller.abort()
          return { admit: true }
        },
      },
    })
    const someone = caller()
    await offer(someone)

    expect([yielded.length, listener.connections.size, someone.refuse.mock.calls.length]).toEqual([0, 0, 1])
  })

  test('is closed at the lifetime of its session', async () => {
    const { clock, connection } = await startedWith({
      sessionPolicy: { open: () => ({ admit: true, lifetimeMs: 1_000 }) },
    })
    await clock.advance(999)
    expect(connection.state).toBe('open')
    await clock.advance(1)

    await expect(connection.closed).resolves.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('1000 ms'),
    })
  })

  test('is closed when neither side sends a message within idleTimeoutMs', async () => {
    const { clock, connection, someone } = await startedWith({
      sessionPolicy: { open: () => ({ admit: true, idleTimeoutMs: 100 }) },
    })
    await clock.advance(60)
    someone.connector.sink.message(numbered(1))
    await clock.advance(60)
    await connection.send(numbered(2))
    await clock.advance(99)
    expect(connection.state).toBe('open')
    await clock.advance(1)

    await expect(connection.closed).resolves.toMatchObject({
      message: expect.stringContaining('idleTimeoutMs'),
    })
    expect(clock.pending).toBe(0)
  })

  test('leaves no deadline and no abort listener after any end', async () => {
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const { clock, connection, someone } = await startedWith({
      gate: { admit: () => ({ admit: true, revoked: controller.signal, expiresAt: 9e15 }) },
      sessionPolicy: { open: () => ({ admit: true, lifetimeMs: 1e9, idleTimeoutMs: 1e9 }) },
    })
    expect(clock.pending).toBeGreaterThan(0)
    someone.connector.sink.end()
    await connection.closed
    await settled()

    expect([clock.pending, removed.mock.calls.length]).toEqual([0, 1])
  })

  test('releases its session once', async () => {
    const release = vi.fn()
    const { connection } = await startedWith({ sessionPolicy: { open: () => ({ admit: true, release }) } })
    expect(release).not.toHaveBeenCalled()
    await Promise.all([connection.close(), connection.close()])
    await settled()

    expect(release).toHaveBeenCalledTimes(1)
  })

  test('ends and reports the error when release() throws', async () => {
    const failure = new Error('my bug')
    const { connection, errors, listener } = await startedWith({
      sessionPolicy: {
        open: () => ({
          admit: true,
          release: () => {
            throw failure
          },
        }),
      },
    })
    await connection.close()
    await settled()

    expect([errors, listener.connections.size]).toEqual([[failure], 0])
  })

  test('releases its caller when it is closed before the start', async () => {
    const { yielded, offer } = await listening()
    const someone = caller()
    await offer(someone)
    await yielded[0]?.close()
    await settled()

    expect([someone.connector.connects, someone.refuse.mock.calls[0]?.[0].status]).toEqual([0, 503])
  })
})

describe('close() of a listener', () => {
  const inOrder = (made: { log: string[]; acceptor: { close: { mock: { calls: unknown[] } } } }) => [
    made.log,
    made.acceptor.close.mock.calls.length,
  ]

  test('ends an idle listener', async () => {
    const made = making()
    await Promise.all([made.listener.close(), made.listener.close()])

    expect(inOrder(made)).toEqual([['close'], 0])
    await expect(made.listener.closed).resolves.toBeUndefined()
  })

  test('releases the address, closes each connection and then calls onclose', async () => {
    const made = await listening()
    await made.offer(caller(), caller())
    const [served, idle] = made.yielded as [Transport, Transport]
    await served.start()
    served.onclose = () => made.log.push('served')
    idle.onclose = () => made.log.push('idle')
    await Promise.all([made.listener.close(), made.listener.close()])

    expect(inOrder(made)).toEqual([
      [expect.stringMatching(/served|idle/), expect.stringMatching(/served|idle/), 'close'],
      1,
    ])
    expect(made.listener.connections.size).toBe(0)
  })

  test('refuses waiting callers before onclose and later callers after it', async () => {
    const { listener, offer, log, door } = await listening({ gate: { admit: () => new Promise(() => {}) } })
    const [waiting, late] = [caller(), caller()]
    waiting.refuse.mockImplementation(() => void log.push('refused'))
    await offer(waiting)
    const closed = listener.close()
    door.connection(late)
    await closed

    expect(log).toEqual(['refused', 'close'])
    expect(late.refuse.mock.calls[0]?.[0]).toMatchObject({ status: 503 })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('reports a binding whose close() %s', async (_name, close) => {
    const { listener, errors } = await listening({}, { close })
    await listener.close()

    expect(errors).toMatchObject([{ message: 'broken' }])
  })

  test('waits for the release of the address up to closeTimeoutMs', async () => {
    const { clock, listener, errors, log } = await listening(
      { closeTimeoutMs: 100 },
      { close: () => new Promise(() => {}) },
    )
    const closed = listener.close()
    await clock.advance(100)
    await closed

    expect([log, clock.pending]).toEqual([['error', 'close'], 0])
    expect(errors[0]?.message).toContain('closeTimeoutMs (100 ms)')
  })

  test('waits for a hanging connection up to closeTimeoutMs', async () => {
    const { clock, listener, yielded, offer } = await listening({ closeTimeoutMs: 100 })
    await offer(caller({}, { close: () => new Promise(() => {}) }))
    await yielded[0]?.start()
    const closed = listener.close()
    await clock.advance(100)
    await closed

    expect([yielded[0]?.state, clock.pending]).toEqual(['closed', 0])
  })

  test('happens with the error of a failed acceptor as reason', async () => {
    const failure = new Error('address removed')
    const made = await listening()
    await made.offer(caller())
    made.door.end(failure)

    await expect(made.listener.closed).resolves.toBe(failure)
    expect(inOrder(made)).toEqual([['error', 'close'], 1])
    expect(made.yielded[0]?.state).toBe('closed')
  })

  test('does not happen after a reported error of one caller', async () => {
    const { listener, door, errors } = await listening()
    const error = new Error('handshake failed')
    door.error(error)

    expect([errors, listener.address]).toEqual([[error], 'test://here'])
    await listener.close()
  })

  test('completes when callbacks throw', async () => {
    const { listener, door, errors } = await listening()
    listener.onclose = () => {
      throw new Error('my bug')
    }
    await listener.close()
    expect(errors).toMatchObject([{ message: 'my bug' }])

    const other = await listening()
    other.listener.onerror = () => {
      throw new Error('my bug')
    }
    other.door.error(new Error('something'))
    await other.listener.close()
    expect(door).toBeDefined()
  })

  test('happens on dispose', async () => {
    const made = await listening()
    await made.listener[Symbol.asyncDispose]()

    expect(inOrder(made)).toEqual([['close'], 1])
  })
})

describe('close() with drainMs', () => {
  const answer = (id: number) => ({ jsonrpc: '2.0', id, result: {} }) as const
  const asking = (id: number, method = 'tools/call') => ({ jsonrpc: '2.0', id, method }) as const
  const served = async (parts: Parameters<typeof caller>[1] = {}) => {
    const made = await listening()
    const someone = caller({}, parts)
    await made.offer(someone)
    const [connection] = made.yielded as [Transport]
    await connection.start()
    return { ...made, connection, ask: someone.connector.sink.message }
  }
  const closingWith = (listener: Listener, drainMs: number) => {
    const done = vi.fn()
    void listener.close({ drainMs }).then(done)
    return done
  }

  test('waits for pending requests', async () => {
    const { clock, listener, connection, ask } = await served()
    ask(asking(1))
    ask(asking(2))
    const done = closingWith(listener, 1_000)
    await clock.advance(10)
    await connection.send(answer(1))
    await settled()
    expect([done.mock.calls.length, connection.state]).toEqual([0, 'open'])
    await connection.send(answer(2))
    await settled()

    expect([done.mock.calls.length, connection.state, clock.pending]).toEqual([1, 'closed', 0])
  })

  test('waits until the medium has accepted the response', async () => {
    const taken = deferred()
    const { listener, connection, ask } = await served({ send: () => taken.promise })
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    const sent = connection.send(answer(1))
    await settled()
    expect(done).not.toHaveBeenCalled()
    taken.resolve()
    await sent
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
  ])('does not wait for a response whose send %s', async (_name, send) => {
    const { listener, connection, ask } = await served({ send })
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    await connection.send(answer(1)).catch(() => {})
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test('continues and reports the error when the release of the address fails', async () => {
    const { listener, yielded, errors, offer } = await listening(
      {},
      { close: () => Promise.reject(new Error('broken')) },
    )
    const someone = caller()
    await offer(someone)
    const [connection] = yielded as [Transport]
    await connection.start()
    someone.connector.sink.message(asking(1))
    const done = closingWith(listener, 1_000)
    await settled()
    expect([done.mock.calls.length, connection.state]).toEqual([0, 'open'])
    await connection.send(answer(1))
    await settled()

    expect([done.mock.calls.length, errors.map(({ message }) => message)]).toEqual([1, ['broken']])
  })

  test('waits at most drainMs', async () => {
    const { clock, listener, connection, ask } = await served()
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    await clock.advance(999)
    expect(done).not.toHaveBeenCalled()
    await clock.advance(1)

    expect([done.mock.calls.length, connection.state]).toEqual([1, 'closed'])
  })

  test('does not wait for subscriptions, notifications or cancelled requests', async () => {
    const { listener, ask } = await served()
    ask(asking(1, 'subscriptions/listen'))
    ask(numbered(1))
    ask(asking(2))
    ask({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } })
    const done = closingWith(listener, 1_000)
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test('does not wait for an ended connection', async () => {
    const { listener, connection, ask } = await served()
    ask(asking(1))
    const done = closingWith(listener, 1_000)
    await connection.close()
    await settled()

    expect(done).toHaveBeenCalledTimes(1)
  })

  test('does not wait without drainMs', async () => {
    const { listener, ask } = await served()
    ask(asking(1))
    await listener.close()

    expect(listener.connections.size).toBe(0)
  })
})
