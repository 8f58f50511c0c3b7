import { Agent, request } from 'node:http'
import { serve } from '@mcpwire/core'
import { collectedMemory } from '@mcpwire/test-support/collected-memory'
import { expect, onTestFinished, test, vi } from 'vitest'
import { httpServer } from '../src/node/index.js'
import { modern, postOf } from './support/modern.js'

const REQUESTS = 20
const BYTES = 2_000_000

test('does not keep the message of a request that the application has received', async () => {
  let received = 0
  const listener = await serve(httpServer({ port: 0 }), async (connection) => {
    connection.onmessage = () => received++
    await connection.start()
  })
  const agent = new Agent()
  onTestFinished(async () => {
    agent.destroy()
    await listener.close()
  })
  await post(listener.url, agent, 10)
  await vi.waitFor(() => expect(received).toBe(1))
  const before = (await collectedMemory()).held
  for (let count = 0; count < REQUESTS; count++) await post(listener.url, agent, BYTES)
  await vi.waitFor(() => expect(received).toBe(REQUESTS + 1))
  const { held } = await collectedMemory()
  expect(held - before).toBeLessThan(5 * BYTES)
})

/** Posts a call whose response never comes, with that many bytes of arguments. Resolves once the body was sent. */
function post(url: string, agent: Agent, bytes: number): Promise<void> {
  const { body, headers = {} } = postOf(
    modern('tools/call', { name: 'hang', arguments: { text: 'x'.repeat(bytes) } }),
  )
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: {
        ...(headers as Record<string, string>),
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
    })
    sent.on('error', reject)
    // The rejection is that of the test's end.
    sent.end(JSON.stringify(body), () => resolve())
  })
}
