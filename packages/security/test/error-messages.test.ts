import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { expect, test } from 'vitest'
import { anyOf, bearer, hostIn, mutualTls, originIn, remoteIn, TokenError } from '../src/index.js'
import { apiKey, apiKeyFile } from '../src/node/index.js'
import { httpCaller, refusalOf } from './support/handshakes.js'

/** The only test of the gates that pins whole messages. */
async function messageOf(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}

const verifier = { verify: () => Promise.reject(new TokenError('invalid_token', 'the token has expired')) }

test('the errors of options have these texts', async () => {
  const calls: readonly (() => unknown)[] = [
    () => originIn([]),
    () => originIn(['https://app.example/path']),
    () => originIn(['https://app.example'], { requireOrigins: true } as never),
    () => hostIn(['https://mcp.example']),
    () => remoteIn(['10.0.0.0/33']),
    () => remoteIn(['10.1.2.3/8']),
    () => bearer({} as never),
    () => bearer(verifier, { requiredScopes: ['a b'] }),
    () => bearer(verifier, { challenge: { scope: 'a"b' } }),
    () => mutualTls({}),
    () => mutualTls({ subjects: ['alice'] }),
    () => mutualTls({ fingerprints: ['AB:CD'] }),
    () => (anyOf as () => unknown)(),
    () => apiKey({}),
    () => apiKey({ ci: 'short' }),
    () => apiKey({ a: 'key-0123456789abcdef', b: 'key-0123456789abcdef' }),
    () => apiKey({ a: 'key-0123456789abcdef' }, { header: 'authorization' }),
  ]
  expect(await Promise.all(calls.map(messageOf))).toMatchInlineSnapshot(`
    [
      "option "origins" must be a list with at least one entry",
      "option "origins[0]" must be an origin without a path, such as "https://app.example.com" or "https://*.example.com"; received "https://app.example/path"",
      "option "requireOrigins" is not known; did you mean "requireOrigin"?",
      "option "hosts[0]" must be a host without scheme and path, such as "mcp.example.com", "*.example.com" or "[::1]:8080"; received "https://mcp.example"",
      "option "cidrs[0]" must be an IP address or a range in CIDR notation, such as "10.0.0.0/8" or "2001:db8::/32"; received "10.0.0.0/33"",
      "option "cidrs[0]" has bits beyond the prefix: "10.1.2.3/8"; use "10.0.0.0/8" for the range, or "10.1.2.3" for the address",
      "option "verifier" must be a TokenVerifier; received an object",
      "option "requiredScopes[0]" must be a scope: printable ASCII without blanks, quotes and backslashes; received "a b"",
      "option "challenge.scope" must be a string of printable ASCII without quotes and backslashes",
      "option "subjects" is missing: one of the options "subjects", "names" and "fingerprints" is required; anyCertificate: true admits every certificate from the authorities of the server",
      "option "subjects[0]" must be the subject of a certificate, such as "CN=alice, O=Example"; received "alice"",
      "option "fingerprints[0]" must be a SHA-256 fingerprint: 64 hexadecimal digits; received "AB:CD"",
      "option "gates" requires at least one gate",
      "option "keys" must be at least one key",
      "option "keys["ci"]" must be a key of at least 16 characters",
      "option "keys" has the same key twice; one key identifies one caller",
      "option "header" must be the name of a header other than "authorization", for which there is option "acceptBearer"; received "authorization"",
    ]
  `)
})

test('the errors of key files have these texts', async () => {
  const path = join(await temporaryFolder(), 'keys')
  const failure = async (text: string, mode = 0o600): Promise<string> => {
    await writeFile(path, text)
    await chmod(path, mode)
    return (await messageOf(() => apiKeyFile(path))).replace(path, 'PATH')
  }
  expect([
    await failure(''),
    await failure('# nothing\n'),
    await failure('ci short\n'),
    await failure('ci\n'),
    await failure('ci key-0123456789abcdef soon\n'),
    await failure('a key-0123456789abcdef\nb key-0123456789abcdef\n'),
    await failure('ci key-0123456789abcdef\n', 0o644),
  ]).toMatchInlineSnapshot(`
    [
      "option "path" is no file of API keys: PATH: it is empty; to revoke all keys, leave a comment in it",
      "option "path" is no file of API keys: PATH: it has no keys",
      "option "path" is no file of API keys: PATH: line 1 must be a key of at least 16 characters",
      "option "path" is no file of API keys: PATH: line 1 must be: name, key and, optionally, an expiry",
      "option "path" is no file of API keys: PATH: line 1 must have an expiry such as 2027-01-31 or 2027-01-31T12:00:00Z",
      "option "path" is no file of API keys: PATH: line 2 repeats a key: one key identifies one caller",
      "option "path" is no file of API keys: PATH: other users can access it (mode 0644): use chmod 600, or see option "requirePrivateFile"",
    ]
  `)
})

test('the refusals have these texts', async () => {
  const { host: _, ...hostless } = httpCaller()
  const refusals = [
    refusalOf(originIn(['https://app.example']), httpCaller({ origin: 'https://evil.example' })),
    refusalOf(originIn(['https://app.example']), httpCaller({ origin: 'null' })),
    refusalOf(originIn(['https://app.example']), httpCaller({ origin: '?' })),
    refusalOf(hostIn(['a.example']), httpCaller()),
    refusalOf(hostIn(['a.example']), hostless),
    refusalOf(hostIn(['a.example']), { ...hostless, medium: 'tcp' }),
    refusalOf(remoteIn(['10.0.0.0/8']), httpCaller()),
    refusalOf(remoteIn(['10.0.0.0/8']), httpCaller({}, { remote: {} })),
    refusalOf(bearer(verifier), httpCaller()),
    refusalOf(bearer(verifier), httpCaller({ authorization: 'Bearer a b' })),
    refusalOf(bearer(verifier), httpCaller({ authorization: 'Bearer a' })),
    refusalOf(mutualTls({ names: ['a.example'] }), httpCaller()),
    refusalOf(apiKey({ ci: 'key-0123456789abcdef' }), httpCaller()),
    refusalOf(apiKey({ ci: 'key-0123456789abcdef' }), httpCaller({ 'x-api-key': 'other' })),
  ]
  const texts = (await Promise.all(refusals)).map(({ status, reason }) => `${status} ${reason}`)
  expect(texts).toMatchInlineSnapshot(`
    [
      "403 the origin https://evil.example is not allowed",
      "403 the origin "null" is not allowed",
      "403 the Origin header is malformed",
      "421 this server is not responsible for the host mcp.example",
      "400 the Host header is missing",
      "403 hostIn() requires HTTP or WebSocket: callers over tcp name no host",
      "403 the address of the caller is not allowed",
      "403 the address of the caller is unknown",
      "401 a bearer token is required",
      "400 the Authorization header must have one bearer token",
      "401 the token has expired",
      "401 a client certificate is required: the connection does not use TLS",
      "401 an API key is required in the header x-api-key",
      "401 the API key is not valid",
    ]
  `)
})
