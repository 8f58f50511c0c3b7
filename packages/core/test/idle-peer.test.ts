import { expect, it } from 'vitest'
import {
  type Gate,
  memoryClient,
  memoryListener,
  serve,
  type Transport,
  tap,
  withLayers,
} from '../src/index.js'

const authInfo = { token: 'secret', clientId: 'alice', scopes: [] }
const gate: Gate = { admit: () => ({ admit: true, authInfo }) }

it("has the peer of a listener's connection before its start", async () => {
  const seen: (string | undefined)[] = []
  const listener = await serve(memoryListener({ gate }), async (connection) => {
    seen.push(connection.state, connection.peer?.medium, connection.peer?.authInfo?.clientId)
    await connection.start()
  })

  await memoryClient({ listener }).start()

  expect(seen).toEqual(['idle', 'memory', 'alice'])
})

it('has that peer through the layers of the listener and through further ones', async () => {
  const callers: (string | undefined)[] = []
  const layers = [tap({})]
  const listener = await serve(memoryListener({ gate, layers }), async (connection: Transport) => {
    const layered = withLayers(connection, tap({}))
    callers.push(layered.peer?.authInfo?.clientId)
    await layered.start()
  })

  await memoryClient({ listener }).start()

  expect(callers).toEqual(['alice'])
})
