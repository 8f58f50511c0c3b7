import { serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bearerChallenge, type ProtectedResourceOptions, protectedResource } from '../src/index.js'

const options: ProtectedResourceOptions = {
  publicUrl: 'https://mcp.example.com/team/mcp',
  authorizationServers: ['https://login.example.com'],
  scopes: ['mcp:read', 'mcp:write'],
  name: 'Team wiki',
}

async function served(given: Partial<ProtectedResourceOptions> = {}): Promise<string> {
  const { hooks } = protectedResource({ ...options, ...given })
  const listener = httpServer({ port: 0, hooks })
  onTestFinished(() => listener.close())
  await serve(listener, () => undefined)
  return new URL(listener.url).origin
}

describe('the metadata of a resource', () => {
  test.each(['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/team/mcp'])(
    'is at %s, whatever the Host is',
    async (path) => {
      const response = await fetch(`${await served()}${path}`, {
        headers: { 'x-forwarded-host': 'evil.example' },
      })
      expect(response.status).toBe(200)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(await response.json()).toEqual({
        resource: 'https://mcp.example.com/team/mcp',
        authorization_servers: ['https://login.example.com'],
        bearer_methods_supported: ['header'],
        scopes_supported: ['mcp:read', 'mcp:write'],
        resource_name: 'Team wiki',
      })
    },
  )

  test('may be fetched by a page that names its revision', async () => {
    const origin = await served()
    const preflight = { method: 'OPTIONS', headers: { origin: 'https://page.example' } }
    const response = await fetch(`${origin}/.well-known/oauth-protected-resource`, preflight)
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-headers')).toContain('mcp-protocol-version')
    expect((await fetch(`${origin}/mcp`, preflight)).status).toBe(405)
  })
})

test.each([
  ['https://mcp.example.com', ['https://mcp.example.com', 'https://mcp.example.com/'], ''],
  ['https://mcp.example.com/', ['https://mcp.example.com', 'https://mcp.example.com/'], ''],
  ['https://MCP.example.com:443/a/', ['https://mcp.example.com/a'], '/a'],
  ['http://localhost:8080/mcp', ['http://localhost:8080/mcp'], '/mcp'],
])('the audience and the metadata of %s', (publicUrl, audience, path) => {
  const resource = protectedResource({ ...options, publicUrl })
  const { origin } = new URL(publicUrl)
  expect(resource.audience).toEqual(audience)
  expect(resource.metadataUrl).toBe(`${origin}/.well-known/oauth-protected-resource${path}`)
  expect(resource.challenge.resource_metadata).toBe(resource.metadataUrl)
})

test.each<[Partial<ProtectedResourceOptions>, string]>([
  [{ publicUrl: 'http://mcp.example.com/mcp' }, 'publicUrl'],
  [{ publicUrl: 'https://mcp.example.com/mcp?x=1' }, 'publicUrl'],
  [{ publicUrl: 'https://mcp.example.com/mcp#x' }, 'publicUrl'],
  [{ publicUrl: 'https://user@mcp.example.com/mcp' }, 'publicUrl'],
  [{ publicUrl: '/mcp' }, 'publicUrl'],
  [{ authorizationServers: [] }, 'authorizationServers'],
  [{ authorizationServers: ['login.example.com'] }, 'authorizationServers[0]'],
  [{ scopes: [''] }, 'scopes[0]'],
])('%j is an error', (given, option) => {
  expect(() => protectedResource({ ...options, ...given })).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
  )
})

test('a challenge quotes what a header can carry', () => {
  expect(bearerChallenge()).toBe('Bearer')
  expect(bearerChallenge({ realm: 'a"b\\c\r\nd é' })).toBe('Bearer realm="a\'b c d  "')
})
