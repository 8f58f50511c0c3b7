import { isRequest } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { initializedClient, resultFor, scriptedServer, stream } from './support/scripted-server.js'

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call' })
const METADATA = 'https://as.example/.well-known/oauth-protected-resource'
const TOKEN_CHALLENGE = `Bearer resource_metadata="${METADATA}"`
const SCOPE_CHALLENGE = `Bearer error="insufficient_scope", scope="files:write", resource_metadata="${METADATA}"`

test('sends the token with every POST, GET and DELETE, and in no URL [AUTH-C-01, AUTH-C-02]', async () => {
  const server = await scriptedServer(({ method, response }) => {
    if (method === 'GET') stream(response)
    return method === 'GET'
  })
  const client = await initializedClient(server, { auth: { token: () => 'sesame-1' } })
  await client.transport.send(call(1))
  await client.responseTo(1)
  await server.until(() => server.of('GET').length === 1, 'the stream is open')
  await client.transport.close()
  expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(['POST', 'GET', 'DELETE']))
  for (const { headers, url } of server.requests) {
    expect(headers.authorization).toBe('Bearer sesame-1')
    expect(url).toBe('/mcp')
  }
})

test('renews the token after 401, with its challenge, and sends the request once more [AUTH-C-04]', async () => {
  const server = await scriptedServer(({ headers, response }) => {
    if (headers.authorization === 'Bearer new') return false
    response.writeHead(401, { 'www-authenticate': TOKEN_CHALLENGE }).end()
    return true
  })
  let token: string | undefined
  const challenges: (string | null)[] = []
  const client = await initializedClient(server, {
    auth: {
      token: () => token,
      async onUnauthorized({ response, serverUrl }) {
        challenges.push(response.headers.get('www-authenticate'))
        expect({ status: response.status, url: serverUrl.href }).toEqual({ status: 401, url: server.url })
        token = 'new'
      },
    },
  })
  await client.transport.send(call(1))
  expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
  expect(challenges).toEqual([TOKEN_CHALLENGE])
  expect(server.posted().slice(0, 2)).toEqual(['initialize', 'initialize'])
})

test('rejects after a second 401 [AUTH-C-04]', async () => {
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(401, { 'www-authenticate': TOKEN_CHALLENGE }).end()
    return true
  })
  let calls = 0
  const auth = { token: () => 'old', onUnauthorized: async () => void calls++ }
  const client = await initializedClient(server, { auth })
  await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
  expect(calls).toBe(1)
  expect(server.posted().filter((method) => method === 'tools/call')).toHaveLength(2)
})

test('requests more scope after 403, and sends the request once more, not forever [AUTH-C-16]', async () => {
  let isGenerous = true
  const server = await scriptedServer(({ message, headers, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    if (isGenerous && headers.authorization === 'Bearer wide') return false
    response.writeHead(403, { 'www-authenticate': SCOPE_CHALLENGE }).end()
    return true
  })
  let token = 'narrow'
  const scopes: (string | undefined)[] = []
  const client = await initializedClient(server, {
    auth: {
      token: () => token,
      async onInsufficientScope({ response }) {
        const challenge = response.headers.get('www-authenticate') ?? ''
        scopes.push(/scope="([^"]*)"/.exec(challenge)?.[1])
        token = 'wide'
      },
    },
  })
  await client.transport.send(call(1))
  expect(await client.responseTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
  isGenerous = false
  await expect(client.transport.send(call(2))).rejects.toMatchObject({ code: 'REFUSED' })
  expect(scopes).toEqual(['files:write', 'files:write'])
  expect(server.posted().filter((method) => method === 'tools/call')).toHaveLength(4)
})

test('calls no callback after another 403 [AUTH-C-16]', async () => {
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(403).end()
    return true
  })
  let calls = 0
  const auth = { token: () => 'narrow', onInsufficientScope: async () => void calls++ }
  const client = await initializedClient(server, { auth })
  await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'REFUSED' })
  expect(calls).toBe(0)
})

test('does not follow a redirect to another origin, and does not send the token there [SEC-C-04]', async () => {
  const elsewhere = await scriptedServer()
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(307, { location: elsewhere.url }).end()
    return true
  })
  const client = await initializedClient(server, { auth: { token: () => 'sesame' } })
  await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'REFUSED' })
  expect(elsewhere.requests).toEqual([])
})
