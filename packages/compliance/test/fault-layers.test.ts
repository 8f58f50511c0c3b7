import { isTransportError, type Layer, memoryPair, type Transport, withLayers } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { breakAfter, createFakeClock, halfOpen, slowReader, turns } from '../src/index.js'

test('breakAfter loses the message it breaks at, and everything after it', async () => {
  const { near, atFar } = await open(breakAfter({ sent: 3 }))
  await near.send(note(1))
  await near.send(note(2))
  await expect(near.send(note(3))).rejects.toMatchObject({
    code: expect.stringMatching(/SEND_FAILED|CLOSED/),
  })
  expect(isTransportError(await near.closed, 'PEER_LOST')).toBe(true)
  await turns()
  expect(atFar).toEqual([1, 2])
})

test('breakAfter counts what is received too', async () => {
  const { near, far, atNear } = await open(breakAfter({ received: 2 }))
  await far.send(note(1))
  await far.send(note(2))
  expect(isTransportError(await near.closed, 'PEER_LOST')).toBe(true)
  expect(atNear).toEqual([1])
})

test('slowReader delivers one message after the other, each after its delay, and then the end', async () => {
  const clock = createFakeClock()
  const { near, far, atNear } = await open(slowReader({ delayMs: 100, clock }))
  await far.send(note(1))
  await far.send(note(2))
  await far.close()
  await clock.advance(99)
  expect(atNear).toEqual([])
  await clock.advance(1)
  expect(atNear).toEqual([1])
  await clock.advance(100)
  expect([atNear, near.state]).toEqual([[1, 2], 'open'])
  await clock.advance(100)
  expect(near.state).toBe('closed')
})

test('halfOpen loses everything silently while the other end has vanished', async () => {
  const line = halfOpen()
  const { near, far, atNear, atFar } = await open(line.layer)
  await near.send(note(1))
  await turns()
  line.drop()
  await near.send(note(2))
  await far.send(note(2))
  await turns()
  line.restore()
  await near.send(note(3))
  await far.send(note(3))
  await turns()
  expect([atNear, atFar]).toEqual([[3], [1, 3]])
  expect(near.state).toBe('open')
  await near.close()
})

function note(n: number): Parameters<Transport['send']>[0] {
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
  const heard = (transport: Transport): unknown[] => {
    const numbers: unknown[] = []
    transport.onmessage = (message) => numbers.push('params' in message ? message.params?.['n'] : message)
    return numbers
  }
  const ends = { near, far, atNear: heard(near), atFar: heard(far) }
  await Promise.all([near.start(), far.start()])
  return ends
}
