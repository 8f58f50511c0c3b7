import { isTransportError, type Layer, memoryPair, type Transport, withLayers } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { breakAfter, createFakeClock, halfOpen, slowReader, turns } from '../src/index.js'

test('breakAfter() loses the nth sent message and all later ones', async () => {
  const { near, atFar } = await open(breakAfter({ sent: 3 }))
  await near.send(notification(1))
  await near.send(notification(2))
  await expect(near.send(notification(3))).rejects.toMatchObject({
    code: expect.stringMatching(/SEND_FAILED|CLOSED/),
  })
  expect(isTransportError(await near.closed, 'PEER_LOST')).toBe(true)
  await turns()
  expect(atFar).toEqual([1, 2])
})

test('breakAfter() counts received messages, too', async () => {
  const { near, far, atNear } = await open(breakAfter({ received: 2 }))
  await far.send(notification(1))
  await far.send(notification(2))
  expect(isTransportError(await near.closed, 'PEER_LOST')).toBe(true)
  expect(atNear).toEqual([1])
})

test('slowReader() delivers each message after its delay, and then the end', async () => {
  const clock = createFakeClock()
  const { near, far, atNear } = await open(slowReader({ delayMs: 100, clock }))
  await far.send(notification(1))
  await far.send(notification(2))
  await far.close()
  await clock.advance(99)
  expect(atNear).toEqual([])
  await clock.advance(1)
  expect(atNear).toEqual([1])
  await clock.advance(100)
  expect({ atNear, state: near.state }).toEqual({ atNear: [1, 2], state: 'open' })
  await clock.advance(100)
  expect(near.state).toBe('closed')
})

test('halfOpen() drops messages in both directions without an error', async () => {
  const line = halfOpen()
  const { near, far, atNear, atFar } = await open(line.layer)
  await near.send(notification(1))
  await turns()
  line.drop()
  await near.send(notification(2))
  await far.send(notification(2))
  await turns()
  line.restore()
  await near.send(notification(3))
  await far.send(notification(3))
  await turns()
  expect({ atNear, atFar }).toEqual({ atNear: [3], atFar: [1, 3] })
  expect(near.state).toBe('open')
  await near.close()
})

function notification(n: number): Parameters<Transport['send']>[0] {
  return { jsonrpc: '2.0', method: 'test/note', params: { n } }
}

async function open(layer: Layer): Promise<{
  near: Transport
  far: Transport
  atNear: unknown[]
  atFar: unknown[]
}> {
  const [inner, far] = memoryPair()
  const near = withLayers(inner, layer)
  const numbersOf = (transport: Transport): unknown[] => {
    const numbers: unknown[] = []
    transport.onmessage = (message) => numbers.push('params' in message ? message.params?.['n'] : message)
    return numbers
  }
  const ends = { near, far, atNear: numbersOf(near), atFar: numbersOf(far) }
  await Promise.all([near.start(), far.start()])
  return ends
}
