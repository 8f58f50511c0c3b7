import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Handshake } from '@mcpwire/core'
import jsonwebtoken, { type Algorithm } from 'jsonwebtoken'

export const ISSUER = 'https://login.example.com'
export const AUDIENCE = 'https://mcp.example.com/mcp'

/** The time in tests, in seconds since the epoch. */
export const NOW = 1_800_000_000

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export const rsa: KeyPair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
export const otherRsa: KeyPair = generateKeyPairSync('rsa', { modulusLength: 2_048 })
export const ec: KeyPair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const ed25519: KeyPair = generateKeyPairSync('ed25519')

export const claims: Record<string, unknown> = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'alice',
  client_id: 'editor',
  scope: 'mcp:read mcp:write',
  exp: NOW + 600,
}

export function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

/** A token with these members of its header and claims; `undefined` removes one. */
export function tokenOf(
  change: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: KeyObject = rsa.privateKey,
): string {
  const algorithm = (header['alg'] ?? 'RS256') as Algorithm
  return jsonwebtoken.sign(withoutUndefined({ ...claims, ...change }), key, {
    algorithm,
    noTimestamp: true,
    header: withoutUndefined({ alg: algorithm, typ: 'at+jwt', ...header }) as never,
  })
}

/** A token whose parts are taken as they are, with a signature by the RSA key over them. */
export function rawToken(header: string, payload: string = JSON.stringify(claims)): string {
  const input = `${base64url(header)}.${base64url(payload)}`
  return `${input}.${sign('RSA-SHA256', Buffer.from(input), rsa.privateKey).toString('base64url')}`
}

export function ed25519Token(change: Record<string, unknown> = {}): string {
  const header = JSON.stringify({ alg: 'EdDSA', typ: 'at+jwt' })
  const input = `${base64url(header)}.${base64url(JSON.stringify({ ...claims, ...change }))}`
  return `${input}.${sign(null, Buffer.from(input), ed25519.privateKey).toString('base64url')}`
}

/** A token with HS256, whose secret is the public RSA key. */
export function signedWithPublicKey(): string {
  const input = `${base64url('{"alg":"HS256","typ":"at+jwt"}')}.${base64url(JSON.stringify(claims))}`
  return `${input}.${createHmac('sha256', pemOf(rsa.publicKey)).update(input).digest('base64url')}`
}

/** A token with this algorithm and an empty signature. */
export function unsignedToken(alg: string): string {
  return `${base64url(JSON.stringify({ alg, typ: 'at+jwt' }))}.${base64url(JSON.stringify(claims))}.`
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

export const handshake: Handshake = { medium: 'http', remote: { address: '127.0.0.1' }, headers: {} }

export const context: { readonly handshake: Handshake; readonly signal: AbortSignal } = {
  handshake,
  signal: new AbortController().signal,
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
