import { writeFile } from 'node:fs/promises'
import { connect as dial } from 'node:net'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startIssuer } from './support/issuer.js'
import { connect, folder, listening } from './support/listening.js'

// Bridges for the tokens of an authorization server, and behind trusted proxies. The clients run in this process.

const PUBLIC_URL = 'https://mcp.example/team/mcp'

/** The result of a request of a client with this token: "admitted", or the code of the error. */
async function outcome(
  address: string,
  token: string | undefined,
  more: Record<string, string> = {},
): Promise<string> {
  try {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const client = await connect(address, { headers: { ...more, ...authorization } })
    await client.request('initialize', { protocolVersion: '2025-11-25' })
    return 'admitted'
  } catch (error) {
    const { code, data, cause } = error as Partial<Record<'code' | 'data' | 'cause', { code?: unknown }>>
    return String(data?.code ?? cause?.code ?? code)
  }
}

test('--jwt-issuer admits clients with its tokens for this server, on every wire', async () => {
  const issuer = await startIssuer()
  const urls = [
    'http://127.0.0.1:0/mcp',
    'ws://127.0.0.1:0/mcp',
    'tcp://127.0.0.1:0',
    `unix:${join(folder(), 's')}`,
  ]
  const flags = ['--jwt-issuer', issuer.url, '--public-url', PUBLIC_URL, '--require-scope', 'mcp']
  const bridge = await listening(urls, flags)
  const good = await issuer.token({ aud: PUBLIC_URL, scope: 'mcp' })
  const tokens: [string | undefined, string][] = [
    [good, 'admitted'],
    [undefined, 'AUTH_REQUIRED'],
    [`${good}x`, 'AUTH_REQUIRED'],
    [await issuer.token({ aud: 'https://other.example', scope: 'mcp' }), 'AUTH_REQUIRED'],
    [await issuer.token({ aud: PUBLIC_URL, scope: 'mcp', exp: 1_000 }), 'AUTH_REQUIRED'],
    [await issuer.token({ aud: PUBLIC_URL }), 'REFUSED'],
  ]
  for (const address of bridge.addresses) {
    for (const [token, expected] of tokens) expect(await outcome(address, token), address).toBe(expected)
  }
  expect(bridge.logged().join('\n')).not.toContain(good.slice(-40))
})

test('--public-url serves the metadata, and the challenge leads to it', async () => {
  const issuer = await startIssuer()
  const flags = ['--jwt-issuer', issuer.url, '--jwks-url', issuer.keysUrl, '--public-url', PUBLIC_URL]
  const { addresses } = await listening(['http://127.0.0.1:0/mcp'], flags)
  const [url = ''] = addresses
  const refused = await fetch(url, { method: 'POST' })
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toBe(
    'Bearer resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/team/mcp"',
  )
  const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/team/mcp', url))
  expect(await metadata.json()).toMatchObject({ resource: PUBLIC_URL, authorization_servers: [issuer.url] })
})

test('--trusted-proxy takes the address of the client from the headers of the proxy', async () => {
  const bridge = await listening(
    ['http://127.0.0.1:0/mcp', 'ws://127.0.0.1:0/mcp'],
    ['--trusted-proxy', '127.0.0.1', '--api-key-file', await keys()],
  )
  for (const address of bridge.addresses) {
    expect(await outcome(address, undefined, { 'x-forwarded-for': '192.0.2.1, 203.0.113.7' })).toBe(
      'AUTH_REQUIRED',
    )
    expect(await outcome(address, KEY, { 'x-forwarded-for': '203.0.113.7' })).toBe('admitted')
  }
  await vi.waitFor(() => expect(bridge.logged()).toHaveLength(2))
  for (const line of bridge.logged()) expect(line).toMatch(/\/\/203\.0\.113\.7\S* was refused \(401\)/)
})

test('--trusted-proxy takes the address of a TCP client from the PROXY protocol, and requires it', async () => {
  const bridge = await listening(
    ['tcp://127.0.0.1:0'],
    ['--trusted-proxy', '127.0.0.1', '--api-key-file', await keys()],
  )
  const port = Number(new URL(bridge.addresses[0] ?? '').port)
  const socket = dial(port, '127.0.0.1')
  socket.end('PROXY TCP4 203.0.113.7 127.0.0.1 4000 5000\r\n{"mcpwire":1,"headers":{}}\n')
  await vi.waitFor(() => expect(bridge.logged().join('\n')).toMatch(/203\.0\.113\.7\S* was refused \(401\)/))
  socket.destroy()
  expect(await outcome(bridge.addresses[0] ?? '', KEY)).not.toBe('admitted')
})

const KEY = 'k-planted-0123456789abcdef'

async function keys(): Promise<string> {
  const path = join(folder(), 'keys')
  await writeFile(path, `ada ${KEY}\n`, { mode: 0o600 })
  return path
}
