import { allOf, type Clock, serve, systemClock } from '@mcpwire/core'
import { httpClient, oauth } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { runNginx } from '@mcpwire/test-support/nginx'
import { freePort } from '@mcpwire/test-support/ports'
import { missing, nginxProgram } from '@mcpwire/test-support/system-packages'
import { auth as authV2, Client as ClientV2 } from '@modelcontextprotocol/client'
import { auth as authV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { expect, onTestFinished, test } from 'vitest'
import { bearer, protectedResource, requireScopes } from '../src/index.js'
import { discoverKeySet, jwtVerifier } from '../src/node/index.js'
import { startAuthorizationServer } from './support/authorization-server.js'
import { TestProvider } from './support/oauth-client.js'

// An authorization server of others, our resource server behind nginx with a path prefix, and the clients of both SDKs.

const HOUR_MS = 3_600_000

function newServer(): McpServer {
  const server = new McpServer({ name: 'wiki', version: '1.0.0' })
  for (const name of ['read', 'write']) {
    server.registerTool(name, {}, () => ({ content: [{ type: 'text', text: name }] }))
  }
  return server
}

/** The clock of the resource server. */
class SkewedClock {
  skewMs = 0
  readonly clock: Clock = { ...systemClock, epochNow: () => systemClock.epochNow() + this.skewMs }
}

/** Starts the resource server. Resolves with its public URL, that of nginx. */
async function startResource(issuer: string, clock: Clock): Promise<string> {
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}/team/mcp`
  const { audience, challenge, hooks } = protectedResource({ publicUrl, authorizationServers: [issuer] })
  const verifier = jwtVerifier({
    issuer,
    audience,
    keys: discoverKeySet(issuer),
    clockToleranceSeconds: 0,
    clock,
  })
  const gate = allOf(
    bearer(verifier, { requiredScopes: ['mcp:read'], challenge }),
    requireScopes({ tools: { write: 'mcp:write' }, challenge }),
  )
  const listener = await serve(httpServer({ port: 0, gate, hooks }), (transport) => {
    serveStdio(newServer, { transport })
  })
  onTestFinished(() => listener.close())
  const { origin } = new URL(listener.url)
  await runNginx(
    `server {
      listen 127.0.0.1:${port};
      location /team/ { proxy_pass ${origin}/; proxy_buffering off; }
      location /.well-known/ { proxy_pass ${origin}; }
    }`,
    port,
  )
  return publicUrl
}

const info = { name: 'test', version: '1.0.0' }
const clients = {
  'SDK v1, sessions': { auth: authV1, create: () => new ClientV1(info) },
  'SDK v2, sessions': {
    auth: authV2,
    create: () => new ClientV2(info, { versionNegotiation: { mode: 'legacy' } }),
  },
  'SDK v2, 2026-07-28': {
    auth: authV2,
    create: () => new ClientV2(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
  },
}

test.for(Object.entries(clients))(
  '%s: a client authorizes, steps up once, and refreshes once',
  async ([, { auth, create }], { skip }) => {
    const why = missing(nginxProgram)
    if (why !== undefined) skip(why)
    const skewed = new SkewedClock()
    const server = await startAuthorizationServer(() => 3_600 + Math.round(skewed.skewMs / 1_000))
    const url = await startResource(server.issuer, skewed.clock)
    const provider = new TestProvider()
    const credentials = oauth(provider as never, auth as never, () =>
      server.follow(provider.redirectedTo as URL),
    )
    // SDK v2 also asks for a refresh token.
    const requested = () => server.requested.map((scope) => scope.replace(' offline_access', ''))
    const client = create()
    onTestFinished(() => client.close())
    await client.connect(httpClient({ url, auth: credentials }) as never)

    expect(await client.callTool({ name: 'read' })).toMatchObject({ content: [{ text: 'read' }] })
    expect(requested()).toEqual(['mcp:read'])
    expect(await client.callTool({ name: 'write' })).toMatchObject({ content: [{ text: 'write' }] })
    expect(requested()).toEqual(['mcp:read', 'mcp:read mcp:write'])

    skewed.skewMs = HOUR_MS + 1_000
    expect(await client.callTool({ name: 'write' })).toMatchObject({ content: [{ text: 'write' }] })
    expect(requested()).toHaveLength(2)
    expect(server.grants).toEqual(['authorization_code', 'authorization_code', 'refresh_token'])
  },
)
