import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Gate, type Listener, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { McpServer } from '@modelcontextprotocol/server'

export const clientId = 'robot'
export const clientSecret = 'its secret'

/** An MCP server that wants a token, and the authorization server that gives it out. */
export interface ProtectedServer {
  readonly url: string
  readonly issuer: string
  /** How many tokens were given out. */
  readonly tokens: () => number
  /** Takes back all tokens given out so far. */
  revoke(): void
  close(): Promise<void>
}

/** Starts both on this host. Their tokens are numbered, and good until they are taken back. */
export async function protectedServer(): Promise<ProtectedServer> {
  let tokens = 0
  let revoked = 0
  let metadata: object = {}
  let resourceMetadataUrl = ''
  const authorization = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/token' && request.method === 'POST') {
      const token = { access_token: `token-${++tokens}`, token_type: 'Bearer', expires_in: 3_600 }
      response.end(JSON.stringify(token))
    } else response.end(JSON.stringify(metadata))
  })
  const issuer = await listening(authorization)
  metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ['code'],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
    code_challenge_methods_supported: ['S256'],
  }
  const gate: Gate = {
    admit: ({ headers }) => {
      const [, nth = '0'] = /^Bearer token-(\d+)$/.exec(headers['authorization'] ?? '') ?? []
      if (Number(nth) > revoked) return { admit: true }
      const challenge = `Bearer resource_metadata="${resourceMetadataUrl}"`
      return { admit: false, status: 401, reason: 'a token is required', challenge }
    },
  }
  const path = '/.well-known/oauth-protected-resource'
  const routes = {
    [path]: () => {
      const body = JSON.stringify({ resource: listener.address, authorization_servers: [issuer] })
      return { status: 200, headers: { 'content-type': 'application/json' }, body }
    },
  }
  const listener: Listener = await serve(
    httpServer({ port: 0, gate, hooks: { routes } }),
    async (connection) => {
      const server = new McpServer({ name: 'protected', version: '1.0.0' })
      server.registerTool('greet', {}, () => ({ content: [{ type: 'text', text: 'hello' }] }))
      await server.connect(connection)
    },
  )
  const url = listener.url
  resourceMetadataUrl = new URL(path, url).href
  return {
    url,
    issuer,
    tokens: () => tokens,
    revoke: () => {
      revoked = tokens
    },
    close: async () => {
      await listener.close()
      authorization.close()
      authorization.closeAllConnections()
    },
  }
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
