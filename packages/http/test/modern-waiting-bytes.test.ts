import { createFakeClock, type FakeClock, turns } from '@mcpwire/compliance'
import { type ByteBudget, createByteBudget, type Transport } from '@mcpwire/core'
import { expect, onTestFinished, test } from 'vitest'
import { httpHandler } from '../src/index.js'
import { MODERN, modern } from './support/modern.js'

interface Paused {
  readonly clock: FakeClock
  readonly budget: ByteBudget
  readonly connection: Transport
  post(remoteAddress: string, name: string, bytes?: number): Promise<{ status?: number }>
}

/** An endpoint whose application has paused. */
async function paused(maxTotalBytes: number): Promise<Paused> {
  const clock = createFakeClock()
  const budget = createByteBudget({ maxTotalBytes, clock })
  const listener = httpHandler({ gate: { admit: () => ({ admit: true }) }, clock, maxTotalBytes: budget })
  let connection: Transport | undefined
  listener.onconnection = (opened) => {
    connection = opened
    opened.onmessage = () => {}
    void opened.start()
  }
  await listener.start()
  onTestFinished(() => listener.close())
  const post = async (remoteAddress: string, name: string, bytes = 0): Promise<{ status?: number }> => {
    const body = modern('tools/call', { name, arguments: { text: 'x'.repeat(bytes) } }, name)
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': MODERN,
      'mcp-method': 'tools/call',
      'mcp-name': name,
    }
    const request = new Request('http://localhost/mcp', {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    const outcome: { status?: number } = {}
    listener.fetch(request, { remoteAddress }).then(
      ({ status }) => {
        outcome.status = status
      },
      () => {},
    )
    await turns(20)
    return outcome
  }
  await post('192.0.2.9', 'first')
  connection?.flow?.pause()
  return { clock, budget, post, connection: connection as Transport }
}

test('refuses the caller with the most waiting bytes before the connection that all share', async () => {
  const { clock, budget, post, connection } = await paused(1_000_000)
  // The messages that the application was sent, and has not accepted: larger and older than any waiting request.
  let isEnded = false
  const account = budget.open({
    shed: () => {
      isEnded = true
      account.close()
    },
  })
  account.hold(200_000)
  await clock.advance(100)
  const other = await post('192.0.2.2', 'other', 1_000)
  const hostile: { status?: number }[] = []
  for (let at = 0; at < 12; at++) {
    await clock.advance(100)
    hostile.push(await post('192.0.2.1', `hostile ${at}`, 100_000))
  }
  expect(isEnded).toBe(false)
  expect(connection.state).toBe('open')
  expect(other).toEqual({})
  expect(hostile.filter(({ status }) => status === 503).length).toBeGreaterThanOrEqual(4)
  expect(hostile.filter(({ status }) => status === undefined).length).toBeGreaterThanOrEqual(6)
})

test('refuses the largest waiting request of that caller first', async () => {
  const { clock, budget, post } = await paused(1_000_000)
  const small = await post('192.0.2.1', 'small', 1_000)
  const large = await post('192.0.2.1', 'large', 600_000)
  await clock.advance(100)
  const next = await post('192.0.2.1', 'next', 500_000)
  expect([small.status, large.status, next.status]).toEqual([undefined, 503, undefined])
  expect(budget.heldBytes).toBeLessThan(600_000)
})

test('counts nothing once the waiting requests were forwarded', async () => {
  const { budget, post, connection } = await paused(1_000_000)
  for (let at = 0; at < 5; at++) await post('192.0.2.1', `waits ${at}`, 10_000)
  expect(budget.heldBytes).toBeGreaterThan(50_000)
  connection.flow?.resume()
  expect(budget.heldBytes).toBe(0)
  connection.flow?.pause()
  await post('192.0.2.1', 'again', 10_000)
  expect(budget.heldBytes).toBeGreaterThan(10_000)
})
