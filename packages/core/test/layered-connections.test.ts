import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { describe, expect, it } from 'vitest'
import { fromFactory } from '../src/authoring.js'
import {
  type Listener,
  type ListenerOptions,
  memoryClient,
  memoryListener,
  serve,
  type Transport,
  tap,
  withLayers,
} from '../src/index.js'

const authInfo = { token: 't', clientId: 'alice', scopes: [] }

interface Wrapped {
  readonly listener: Listener
  readonly client: Transport
  readonly original: Transport
  readonly layered: Transport
  readonly clock: ReturnType<typeof fakeClock>
}

/** A connection of a listener with further layers, as middleware adds them. */
async function wrapped(options: ListenerOptions, { start = true } = {}): Promise<Wrapped> {
  const clock = fakeClock()
  let ends: [Transport, Transport] | undefined
  const listener = await serve(memoryListener({ clock, ...options }), async (connection) => {
    const layered = withLayers(connection, tap({}))
    ends = [connection, layered]
    if (start) await layered.start()
  })
  const client = memoryClient({ listener })
  const connected = client.start()
  if (start) await connected
  // Rejects when the connection is closed without a start.
  else connected.catch(() => {})
  await settled()
  const [original, layered] = ends as [Transport, Transport]
  return { listener, client, original, layered, clock }
}

describe.each([
  ['alone', {}],
  ['of a listener with layers', { layers: [tap({})] }],
  ['of a known caller', { gate: { admit: () => ({ admit: true as const, authInfo }) } }],
])('a connection with further layers: %s', (_, options: ListenerOptions) => {
  it('is the connection that the listener counts', async () => {
    const { listener, layered, original, clock } = await wrapped(options)
    await clock.advance(60_000)

    expect([...listener.connections]).toEqual([layered])
    expect(layered.state).toBe('open')
    expect(original.state).toBe('idle')
    await layered.close()
    await settled()
    expect(listener.connections.size).toBe(0)
    expect(original.state).toBe('closed')
  })

  it('ends with the listener and with the original connection', async () => {
    const first = await wrapped(options)
    await first.original.close()
    expect(first.layered.state).toBe('closed')
    expect(first.listener.connections.size).toBe(0)

    const second = await wrapped(options)
    await second.listener.close()
    expect(second.layered.state).toBe('closed')
    expect(second.original.state).toBe('closed')
  })

  it('ends when it is not started in time', async () => {
    const { listener, layered, clock } = await wrapped({ ...options, startTimeoutMs: 100 }, { start: false })
    await clock.advance(100)

    await expect(layered.closed).resolves.toMatchObject({
      message: expect.stringContaining('startTimeoutMs'),
    })
    expect(listener.connections.size).toBe(0)
  })

  it('ends at the lifetime of its session', async () => {
    const sessionPolicy = { open: () => ({ admit: true as const, lifetimeMs: 500, release: () => {} }) }
    const { layered, clock } = await wrapped({ ...options, sessionPolicy })
    await clock.advance(500)

    await expect(layered.closed).resolves.toMatchObject({ code: 'REFUSED' })
  })

  it('rejects a second start through the original', async () => {
    const { original } = await wrapped(options, { start: false })

    await expect(original.start()).rejects.toMatchObject({ code: 'ALREADY_STARTED' })
    await expect(withLayers(original).start()).rejects.toMatchObject({ code: 'ALREADY_STARTED' })
  })
})

it('monitors a connection that is used through fromFactory', async () => {
  const controller = new AbortController()
  const gate = { admit: () => ({ admit: true as const, revoked: controller.signal }) }
  let used: Transport | undefined
  const listener = await serve(memoryListener({ gate }), async (connection) => {
    used = withLayers(fromFactory(() => connection))
    await used.start()
  })
  await memoryClient({ listener }).start()
  await settled()
  expect(used?.state).toBe('open')
  expect(listener.connections.size).toBe(1)
  controller.abort()
  await used?.closed

  expect(used?.state).toBe('closed')
  expect(listener.connections.size).toBe(0)
})

it('closes a layered connection when its admission is revoked', async () => {
  const controller = new AbortController()
  const gate = { admit: () => ({ admit: true as const, revoked: controller.signal }) }
  const { layered, client } = await wrapped({ gate })
  controller.abort()

  await expect(layered.closed).resolves.toMatchObject({ code: 'REFUSED', details: { status: 401 } })
  await client.closed
})
