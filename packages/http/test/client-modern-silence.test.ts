import { createFakeClock } from '@mcpwire/compliance'
import { isRequest } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { modern } from './support/modern.js'
import { scriptedServer, startedClient, stream } from './support/scripted-server.js'

test.each([
  ['a request', 'tools/call', { name: 'x' }],
  ['a subscription', 'subscriptions/listen', { notifications: { toolsListChanged: true } }],
])('fails %s of 2026-07-28 after streamIdleTimeoutMs of silence', async (_, method, params) => {
  const clock = createFakeClock()
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message)) return false
    // With an id, which this revision does not resume by.
    stream(response, 'id: e1\ndata:\n\n')
    return true
  })
  const client = await startedClient(server, { clock, streamIdleTimeoutMs: 60_000 })
  const tokens: string[] = []
  await client.transport.send(modern(method, params, 1), { onresumptiontoken: (id) => tokens.push(id) })
  await server.until(() => clock.pending === 1, 'it is watched')
  const { response } = server.of('POST').at(-1) as (typeof server.requests)[0]
  await clock.advance(59_000)
  response.write('id: e2\ndata:\n\n')
  await server.until(() => tokens.includes('e2'), 'the client has received an event')
  await clock.advance(1_000)
  expect(client.messages).toEqual([])
  await clock.advance(60_000)
  expect(await client.responseTo(1)).toMatchObject({
    error: { data: { code: 'OUTCOME_UNKNOWN', cause: 'PEER_LOST' } },
  })
  expect(client.errors).toEqual([
    expect.objectContaining({
      code: 'OUTCOME_UNKNOWN',
      cause: expect.objectContaining({ message: expect.stringContaining('streamIdleTimeoutMs') }),
    }),
  ])
  await server.until(() => response.destroyed, 'the stream was closed')
  expect(server.of('GET')).toEqual([])
  expect(clock.pending).toBe(0)
})
