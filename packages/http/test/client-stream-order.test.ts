import { expect, test } from 'vitest'
import { introducedClient, scriptedServer, stream } from './support/scripted-server.js'

// Servers drop what belongs to no request while no stream is there to carry it.
test('the GET stream is asked for before what the application sends next', async () => {
  const server = await scriptedServer(({ method, response }) => {
    if (method === 'GET') stream(response)
    return method === 'GET'
  })

  const client = await introducedClient(server)
  await client.transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  await server.until(() => server.of('GET').length === 1, 'the stream was asked for')

  expect(server.asked.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET', 'POST'])
  expect(server.posted()).toEqual(['initialize', 'notifications/initialized', 'tools/list'])
})
