import { auth as authV2, ClientCredentialsProvider, Client as ClientV2 } from '@modelcontextprotocol/client'
import { auth as authV1 } from '@modelcontextprotocol/sdk/client/auth.js'
import { ClientCredentialsProvider as ProviderV1 } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clientId, clientSecret, protectedServer } from '../examples/support/protected-server.js'
import { httpClient, type OAuthFlow, type OAuthProvider, type OAuthRequest, oauth } from '../src/index.js'
import { initializedClient, type Script, scriptedServer, startedClient } from './support/scripted-server.js'

const call = { jsonrpc: '2.0' as const, id: 1, method: 'tools/call', params: { name: 'x' } }
const METADATA = 'https://auth.example/.well-known/oauth-protected-resource'
const info = { name: 'test', version: '1.0.0' }

interface FakeProvider extends OAuthProvider {
  token: string | undefined
  scope: string
}

function fakeProvider(): FakeProvider {
  return {
    token: undefined,
    scope: '',
    tokens(): { access_token: string; scope: string } | undefined {
      return this.token === undefined ? undefined : { access_token: this.token, scope: this.scope }
    },
  }
}

/** An `auth()` that grants a token at once, or after a redirect. */
function fakeFlow({ redirects = false } = {}): { requests: OAuthRequest[]; auth: OAuthFlow<FakeProvider> } {
  const requests: OAuthRequest[] = []
  const auth: OAuthFlow<FakeProvider> = async (provider, request) => {
    requests.push(request)
    if (redirects && request.authorizationCode === undefined) return 'REDIRECT'
    provider.token = `token-${requests.length}`
    provider.scope = request.scope ?? ''
    return 'AUTHORIZED'
  }
  return { requests, auth }
}

const requiring =
  (token: string, status: number, challenge: string): Script =>
  ({ headers, response }) => {
    if (headers.authorization === `Bearer ${token}`) return false
    response.writeHead(status, { 'www-authenticate': challenge }).end()
    return true
  }

describe('oauth() with an SDK', () => {
  const credentials = { clientId, clientSecret }

  test.each([
    [
      'v1',
      () => new ClientV1(info),
      (expectedIssuer: string) => oauth(new ProviderV1({ ...credentials, expectedIssuer }), authV1),
    ],
    [
      'v2',
      () => new ClientV2(info),
      (expectedIssuer: string) =>
        oauth(new ClientCredentialsProvider({ ...credentials, expectedIssuer }), authV2),
    ],
  ])('authorizes a client of %s, and again after its token was revoked', async (_, newClient, newAuth) => {
    const server = await protectedServer()
    onTestFinished(() => server.close())
    const client = newClient() as ClientV2
    await client.connect(httpClient({ url: server.url, auth: newAuth(server.issuer) }))
    server.revoke()
    expect(await client.callTool({ name: 'greet' })).toMatchObject({ content: [{ text: 'hello' }] })
    expect(server.tokens()).toBe(2)
    await client.close()
  })
})

describe('oauth()', () => {
  test('passes the challenge and the fetch of the client to auth()', async () => {
    const challenge = `Bearer resource_metadata="${METADATA}", scope="files:read"`
    const server = await scriptedServer(requiring('token-1', 401, challenge))
    const { requests, auth } = fakeFlow()
    const client = await initializedClient(server, { auth: oauth(fakeProvider(), auth) })
    await client.transport.send(call)
    expect(requests).toEqual([
      {
        serverUrl: new URL(server.url),
        fetchFn: expect.any(Function),
        resourceMetadataUrl: new URL(METADATA),
        scope: 'files:read',
      },
    ])
  })

  test.each(['Basic realm="a"', 'Bearer resource_metadata="nowhere"'])(
    'leaves out what the challenge has no valid value for: %s',
    async (challenge) => {
      const server = await scriptedServer(requiring('token-1', 401, challenge))
      const { requests, auth } = fakeFlow()
      const client = await startedClient(server, { auth: oauth(fakeProvider(), auth) })
      await client.transport.send(call)
      expect(Object.keys(requests[0] ?? {})).toEqual(['serverUrl', 'fetchFn'])
    },
  )

  test('hides the refresh token while it requests more scopes: SDK v1 would refresh, and get no more of them', async () => {
    const challenge = 'Bearer error="insufficient_scope", scope="files:write"'
    const server = await scriptedServer(requiring('token-1', 403, challenge))
    class PrivateProvider {
      readonly #tokens = { access_token: 'narrow', scope: 'files:read', refresh_token: 'r' }
      isComplete = false
      async tokens() {
        return this.isComplete ? { ...this.#tokens, access_token: 'token-1' } : this.#tokens
      }
      complete(): void {
        void this.#tokens
        this.isComplete = true
      }
    }
    const provider = new PrivateProvider()
    const seen: unknown[] = []
    const auth = async (given: PrivateProvider): Promise<'AUTHORIZED'> => {
      seen.push(await given.tokens())
      given.complete()
      return 'AUTHORIZED'
    }
    const client = await startedClient(server, { auth: oauth(provider, auth) })
    await client.transport.send(call)
    expect(seen).toEqual([{ access_token: 'narrow', scope: 'files:read', refresh_token: undefined }])
  })

  test.each([
    ['files:read', 'files:read files:write', true],
    ['files:write', 'files:write', false],
  ])('requests the union of granted and missing scopes: %s', async (granted, scope, force) => {
    const challenge = 'Bearer error="insufficient_scope", scope="files:write"'
    const server = await scriptedServer(requiring('token-1', 403, challenge))
    const { requests, auth } = fakeFlow()
    const provider = fakeProvider()
    Object.assign(provider, { token: 'narrow', scope: granted })
    const client = await startedClient(server, { auth: oauth(provider, auth) })
    await client.transport.send(call)
    expect(requests).toMatchObject([{ scope, forceReauthorization: force }])
  })

  test('completes the flow with the parameters of the redirect', async () => {
    const server = await scriptedServer(requiring('token-2', 401, 'Bearer'))
    const { requests, auth } = fakeFlow({ redirects: true })
    const onRedirect = async () => ({ code: 'the code', iss: 'https://auth.example' })
    const client = await startedClient(server, { auth: oauth(fakeProvider(), auth, onRedirect) })
    await client.transport.send(call)
    expect(requests[1]).toMatchObject({ authorizationCode: 'the code', iss: 'https://auth.example' })
  })

  test('rejects with AUTH_REQUIRED after a redirect without onRedirect()', async () => {
    const server = await scriptedServer(requiring('token-2', 401, 'Bearer scope="a"'))
    const { auth } = fakeFlow({ redirects: true })
    const client = await startedClient(server, { auth: oauth(fakeProvider(), auth) })
    await expect(client.transport.send(call)).rejects.toMatchObject({
      code: 'AUTH_REQUIRED',
      details: { status: 401, challenge: 'Bearer scope="a"', hint: expect.stringContaining('auth()') },
    })
    expect(server.of('POST')).toHaveLength(1)
  })

  test('rejects with the error of auth()', async () => {
    const server = await scriptedServer(requiring('token-1', 401, 'Bearer'))
    const cause = new Error('mine')
    const client = await startedClient(server, {
      auth: oauth(fakeProvider(), () => Promise.reject(cause)),
    })
    await expect(client.transport.send(call)).rejects.toMatchObject({ code: 'CALLBACK_FAILED', cause })
  })

  const { auth: validAuth } = fakeFlow()

  test.each<[kind: string, given: unknown[], option: string]>([
    ['nothing', [], 'provider'],
    ['null', [null, validAuth], 'provider'],
    ['a provider without tokens()', [{}, validAuth], 'provider'],
    ['the arguments in the wrong order', [validAuth, fakeProvider()], 'provider'],
    ['no auth()', [fakeProvider()], 'auth'],
    ['an object as auth()', [fakeProvider(), { auth: validAuth }], 'auth'],
    ['a text as onRedirect()', [fakeProvider(), validAuth, 'http://127.0.0.1/callback'], 'onRedirect'],
    ['null as onRedirect()', [fakeProvider(), validAuth, null], 'onRedirect'],
  ])('rejects %s at once', (_kind, given, option) => {
    expect(() => (oauth as (...given: unknown[]) => unknown)(...given)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
    )
  })

  test.each<[kind: string, result: unknown]>([
    ['nothing', undefined],
    ['the URL of the redirect', 'http://127.0.0.1/callback?code=hunter2'],
    ['no code', { iss: 'https://auth.example' }],
    ['an empty code', { code: '' }],
    ['a code that is a list', { code: ['hunter2'] }],
    ['an issuer that is no text', { code: 'hunter2', iss: 5 }],
  ])('rejects with CALLBACK_FAILED when onRedirect() returns %s', async (_kind, result) => {
    const server = await scriptedServer(requiring('token-2', 401, 'Bearer'))
    const { requests, auth } = fakeFlow({ redirects: true })
    const client = await startedClient(server, { auth: oauth(fakeProvider(), auth, () => result as never) })
    const failure = await client.transport.send(call).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'CALLBACK_FAILED', details: { slot: 'onRedirect' } })
    expect(String(failure)).not.toContain('hunter2')
    expect(requests).toHaveLength(1)
  })

  test('rejects with AUTH_REQUIRED when auth() does not accept the code', async () => {
    const server = await scriptedServer(requiring('token-2', 401, 'Bearer'))
    const client = await startedClient(server, {
      auth: oauth(
        fakeProvider(),
        async () => 'REDIRECT' as const,
        () => ({ code: 'a' }),
      ),
    })
    await expect(client.transport.send(call)).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
    expect(server.of('POST')).toHaveLength(1)
  })

  test.each([
    ['names in any case', 'Bearer SCOPE="a b", Resource_Metadata="https://x.example/"', 'a b'],
    ['white space around the equals sign', 'Bearer scope = "a"', 'a'],
    ['a value without quotes', 'Bearer realm=x, scope=a', 'a'],
    ['escaped quotes', String.raw`Bearer realm="say \"scope=\"no", scope="a\"b"`, 'a"b'],
    ['the name within another value', 'Bearer error_description="wants scope=no", scope="a"', 'a'],
    ['the name at the end of another', 'Bearer x-scope="no", scope="a"', 'a'],
    ['another challenge first', 'Basic realm="scope", Bearer scope="a"', 'a'],
    ['no such name', 'Bearer x-scope="no", error_description="scope=no"', undefined],
    ['a quote that does not end', 'Bearer scope="a', undefined],
    ['much white space', `Bearer ${' '.repeat(4_000)}scope${' '.repeat(4_000)}`, undefined],
    ['many escaped quotes', `Bearer scope="${String.raw`\"`.repeat(6_000)}`, undefined],
    ['one long name', `Bearer ${'a'.repeat(8_000)}`, undefined],
  ])('reads the challenge with %s', async (_kind, challenge, scope) => {
    const server = await scriptedServer(requiring('token-1', 401, challenge))
    const { requests, auth } = fakeFlow()
    const client = await startedClient(server, { auth: oauth(fakeProvider(), auth) })
    await client.transport.send(call)
    expect(requests[0]?.scope).toBe(scope)
  })
})
