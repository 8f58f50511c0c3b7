import { describe, expect, test } from 'vitest'
import { modern, postOf } from './support/modern.js'
import { initialize, served } from './support/served.js'

test('has the session id on a connection before it is started', async () => {
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

describe.each(['auto', 'json', 'sse'] as const)('responseFormat %s', (answers) => {
  test('names no session in the response to an initialize that the application refuses', async () => {
    const server = await served({ responseFormat: answers })
    server.listener.onconnection = (connection) => {
      connection.onmessage = (message) => {
        const { id } = message as { id: string }
        const error = { code: -32_602, message: 'unsupported' }
        connection.send({ jsonrpc: '2.0', id, error }).catch(() => {})
      }
      void connection.start()
    }
    const answer = await server.ask({ body: initialize() })
    expect(answer).toMatchObject({ status: 200, messages: [{ id: 'init', error: { code: -32_602 } }] })
    expect(answer.headers).not.toHaveProperty('mcp-session-id')
  })

  test('names no session in the response to an initialize whose session ends before', async () => {
    const server = await served({ responseFormat: answers })
    server.listener.onconnection = (connection) => {
      connection.onmessage = () => void connection.close()
      void connection.start()
    }
    const answer = await server.ask({ body: initialize() })
    expect(answer).toMatchObject({ status: 200, messages: [{ id: 'init', error: expect.anything() }] })
    expect(answer.headers).not.toHaveProperty('mcp-session-id')
  })
})
