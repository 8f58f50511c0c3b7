import { isRequest } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { introducedClient, resultFor, scriptedServer, stream } from './support/scripted-server.js'

const call = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'tools/call' })
const METADATA = 'https://as.example/.well-known/oauth-protected-resource'
const WANTS_TOKEN = `Bearer resource_metadata="${METADATA}"`
const WANTS_SCOPE = `Bearer error="insufficient_scope", scope="files:write", resource_metadata="${METADATA}"`

test('the token goes with every POST, GET and DELETE, and into no URL [AUTH-C-01, AUTH-C-02]', async () => {
  const server = await scriptedServer(({ method, response }) => {
    if (method === 'GET') stream(response)
    return method === 'GET'
  })
  const client = await introducedClient(server, { auth: { token: () => 'sesame-1' } })
  await client.transport.send(call(1))
  await client.answerTo(1)
  await server.until(() => server.of('GET').length === 1, 'the stream is open')
  await client.transport.close()
  expect(new Set(server.asked.map(({ method }) => method))).toEqual(new Set(['POST', 'GET', 'DELETE']))
  for (const { headers, url } of server.asked) {
    expect(headers.authorization).toBe('Bearer sesame-1')
    expect(url).toBe('/mcp')
  }
})

test('a 401 asks for another token, with its challenge, and the request is sent once more [AUTH-C-04]', async () => {
  const server = await scriptedServer(({ headers, response }) => {
    if (headers.authorization === 'Bearer new') return false
    response.writeHead(401, { 'www-authenticate': WANTS_TOKEN }).end()
    return true
  })
  let token: string | undefined
  const challenges: (string | null)[] = []
  const client = await introducedClient(server, {
    auth: {
      token: () => token,
      async onUnauthorized({ response, serverUrl }) {
        challenges.push(response.headers.get('www-authenticate'))
        expect([response.status, serverUrl.href]).toEqual([401, server.url])
        token = 'new'
      },
    },
  })
  await client.transport.send(call(1))
  expect(await client.answerTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
  expect(challenges).toEqual([WANTS_TOKEN])
  expect(server.posted().slice(0, 2)).toEqual(['initialize', 'initialize'])
})

test('a second 401 is one too many [AUTH-C-04]', async () => {
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(401, { 'www-authenticate': WANTS_TOKEN }).end()
    return true
  })
  let asked = 0
  const auth = { token: () => 'old', onUnauthorized: async () => void asked++ }
  const client = await introducedClient(server, { auth })
  await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
  expect(asked).toBe(1)
  expect(server.posted().filter((method) => method === 'tools/call')).toHaveLength(2)
})

test('a 403 for too little scope asks for more, and the request is sent once more and not forever [AUTH-C-16]', async () => {
  let isGenerous = true
  const server = await scriptedServer(({ message, headers, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    if (isGenerous && headers.authorization === 'Bearer wide') return false
    response.writeHead(403, { 'www-authenticate': WANTS_SCOPE }).end()
    return true
  })
  let token = 'narrow'
  const scopes: (string | undefined)[] = []
  const client = await introducedClient(server, {
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
  expect(await client.answerTo(1)).toEqual(resultFor(1, { of: 'tools/call' }))
  isGenerous = false
  await expect(client.transport.send(call(2))).rejects.toMatchObject({ code: 'REFUSED' })
  expect(scopes).toEqual(['files:write', 'files:write'])
  expect(server.posted().filter((method) => method === 'tools/call')).toHaveLength(4)
})

test('a 403 for another reason asks nobody [AUTH-C-16]', async () => {
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(403).end()
    return true
  })
  let asked = 0
  const auth = { token: () => 'narrow', onInsufficientScope: async () => void asked++ }
  const client = await introducedClient(server, { auth })
  await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'REFUSED' })
  expect(asked).toBe(0)
})

test('a redirect to another origin is not followed, and the token stays here [SEC-C-04]', async () => {
  const elsewhere = await scriptedServer()
  const server = await scriptedServer(({ message, response }) => {
    if (!message || !isRequest(message) || message.method !== 'tools/call') return false
    response.writeHead(307, { location: elsewhere.url }).end()
    return true
  })
  const client = await introducedClient(server, { auth: { token: () => 'sesame' } })
  await expect(client.transport.send(call(1))).rejects.toMatchObject({ code: 'REFUSED' })
  expect(elsewhere.asked).toEqual([])
})
