import { expect, test } from 'vitest'
import { modern, postOf } from './support/modern.js'
import { served } from './support/served.js'

test('a connection tells before it is started whether it is a session, and which', async () => {
  const server = await served()
  const seen: (string | undefined)[] = []
  const { onconnection } = server.listener
  server.listener.onconnection = (connection) => {
    seen.push(connection.sessionId)
    onconnection?.(connection)
  }

  const headers = await server.session()
  await server.ask(postOf(modern('tools/list')))

  expect(seen).toEqual([headers['mcp-session-id'], undefined])
})
