import { generateKeyPairSync, sign } from 'node:crypto'
import { type Admission, allowAll, type CallerResolver, type Gate, type Handshake } from '@mcpwire/core'
import { bearer, originIn, requireScopes, trustedProxies } from '@mcpwire/security'
import { apiKey, jwtVerifier } from '@mcpwire/security/node'
import type { Contestant, Load, Suite } from '../harness/suite.js'

/** The cost of one decision about a caller, without a wire. */
export const suite: Suite = {
  name: 'gates',
  question: 'What does a decision about a caller cost?',
  reference: 'allow-all',
  loads: [{ id: 'decisions', label: 'decisions, one at a time' }],
  contestants: [
    gate('allow-all', 'allowAll, the cost of the measurement', () => [allowAll(), handshakeWith({})]),
    gate('origin', 'originIn, the same page again', () => {
      const origin = 'https://app.example.com'
      return [originIn([origin]), handshakeWith({ origin })]
    }),
    gate('api-key', 'apiKey, the last of ten keys', () => {
      const keys = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`k${at}`, keyOf(at)]))
      return [apiKey(keys), handshakeWith({ 'x-api-key': keyOf(9) })]
    }),
    gate('jwt-first', 'bearer and jwtVerifier, RS256, a new token', () => jwt(0)),
    gate('jwt-again', 'bearer and jwtVerifier, RS256, the same token', () => jwt(1_000)),
    requests('scopes', 'requireScopes, a call of a tool with a scope'),
    resolver('resolve-caller', 'trustedProxies, one proxy', () => {
      const { resolveCaller } = trustedProxies(['10.0.0.0/8'])
      const headers = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' }
      return [resolveCaller, handshakeWith(headers)]
    }),
  ],
}

/** Decisions between two readings of the time. */
const BATCH = 100

function gate(id: string, label: string, make: () => readonly [Gate, Handshake]): Contestant<Load> {
  const { signal } = new AbortController()
  return contestant(id, label, () => {
    const [decider, handshake] = make()
    return async () => {
      const { admit } = await decider.admit(handshake, signal)
      if (!admit) throw new Error(`${id} refused the caller`)
    }
  })
}

/** Decisions about requests of a caller. A gate without `admitMessage` has no such cost. */
function requests(id: string, label: string): Contestant<Load> {
  const { signal } = new AbortController()
  return contestant(id, label, () => {
    const { admitMessage } = requireScopes({ tools: { edit_page: 'wiki:write' } })
    const authInfo = { token: 't', clientId: 'editor', scopes: ['wiki:read', 'wiki:write'] }
    const admission: Admission = { admit: true, authInfo }
    const handshake = handshakeWith({})
    const message = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'edit_page', arguments: {} },
    } as const
    return async () => {
      if (!admitMessage || admitMessage(message, handshake, admission, signal))
        throw new Error(`${id} refused the request`)
    }
  })
}

function resolver(
  id: string,
  label: string,
  make: () => readonly [CallerResolver, Handshake],
): Contestant<Load> {
  return contestant(id, label, () => {
    const [resolve, handshake] = make()
    return async () => {
      if ('admit' in resolve(handshake)) throw new Error(`${id} refused the caller`)
    }
  })
}

function contestant(id: string, label: string, open: () => () => Promise<void>): Contestant<Load> {
  return {
    id,
    label,
    isOurs: true,
    open: async () => {
      const decide = open()
      return {
        run: async (_load, milliseconds) => {
          const startedAt = performance.now()
          let messages = 0
          let elapsed = 0
          while (elapsed < milliseconds) {
            for (let n = 0; n < BATCH; n++) await decide()
            messages += BATCH
            elapsed = performance.now() - startedAt
          }
          return { messages, seconds: elapsed / 1000 }
        },
        close: async () => {},
      }
    },
  }
}

function handshakeWith(headers: Record<string, string>): Handshake {
  return {
    medium: 'http',
    scheme: 'http',
    remote: { address: '10.0.0.1', port: 1 },
    host: 'mcp.example',
    headers,
  }
}

function keyOf(at: number): string {
  return `key-${at}-0123456789abcdef0123456789abcdef`
}

/** With no space for verified tokens, each verification is the first one. */
function jwt(maxCachedTokens: number): readonly [Gate, Handshake] {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const [issuer, audience] = ['https://login.example.com', 'https://mcp.example.com/mcp']
  const exp = Math.floor(Date.now() / 1000) + 86_400
  const claims = { iss: issuer, aud: audience, sub: 'alice', client_id: 'editor', scope: 'a b c', exp }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part(claims)}`
  const signature = sign('RSA-SHA256', Buffer.from(input), privateKey).toString('base64url')
  const verifier = jwtVerifier({ issuer, audience, publicKeys: publicKey, maxCachedTokens })
  return [bearer(verifier), handshakeWith({ authorization: `Bearer ${input}.${signature}` })]
}
