import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { expect, it } from 'vitest'
import { connections, memoryClient, memoryListener, type Transport, withLayers } from '../src/index.js'
import { handmade } from './support/channels.js'

it('skips connections that ended while the loop was busy', async () => {
  const clock = fakeClock()
  const listener = memoryListener({ clock, startTimeoutMs: 100, maxConnections: 2 })
  const loop = connections(listener)
  await listener.start()
  const call = async (): Promise<Transport> => {
    const client = memoryClient({ listener })
    client.start().catch(() => {})
    await settled()
    return client
  }
  for (let count = 0; count < 6; count++) {
    await call()
    await clock.advance(100)
  }
  await call()
  const next = await loop.next()

  expect(next.value.state).toBe('idle')
  await next.value.start()
  const more = loop.next()
  await listener.close()
  expect(await more).toEqual({ done: true, value: undefined })
})

it('opens and reports the error when a channel fails to set the version', async () => {
  const http = {
    sessionId: undefined,
    hasPerRequestStream: false,
    setProtocolVersion: () => {
      throw new Error('a bug')
    },
  }
  const transport = withLayers(handmade({ http }))
  const errors: Error[] = []
  transport.onerror = (error) => errors.push(error)
  transport.setProtocolVersion?.('2025-11-25')
  await transport.start()

  expect(transport.state).toBe('open')
  expect(errors).toMatchObject([{ code: 'CALLBACK_FAILED', details: { slot: 'setProtocolVersion' } }])
})
