import { allOf, allowAll, type Gate, type Handshake, localOnly } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { type GateSubject, gateCases } from '../src/describe-gate.js'
import { describeGate } from '../src/index.js'

const TOKEN = 'a-token-that-is-good'
const WRONG_TOKEN = 'a-token-that-is-not'

const near: Handshake = { medium: 'tcp', remote: { address: '127.0.0.1', port: 1 }, headers: {} }
const far: Handshake = { medium: 'tcp', remote: { address: '198.51.100.7', port: 1 }, headers: {} }

describeGate('localOnly', {
  gate: localOnly,
  admits: {
    'a caller on this host': near,
    'a caller over IPv6': { ...near, remote: { address: '::1' } },
    'a local page': { ...near, host: 'localhost:8080', headers: { origin: 'http://localhost:3000' } },
  },
  refuses: {
    'a caller on another host': far,
    'a page of another origin': { ...near, headers: { origin: 'https://evil.example' } },
    'a rebound host name': { ...near, host: 'evil.example' },
    'a page with the origin null': { ...near, headers: { origin: 'null' } },
  },
  // Media without addresses and headers, such as memory, are local.
  admitsUnknownClients: true,
})

describeGate('allowAll', {
  gate: allowAll,
  admits: { 'a caller on another host': far },
  refuses: {},
  admitsUnknownClients: true,
})

const withToken = (token: string): Handshake => ({ ...near, headers: { authorization: `Bearer ${token}` } })

/** A minimal gate with credentials. */
const bearer: Gate = {
  admit: ({ headers }) =>
    headers['authorization'] === `Bearer ${TOKEN}`
      ? { admit: true, authInfo: { token: TOKEN, clientId: 'alice', scopes: [] } }
      : { admit: false, status: 401, reason: 'a valid bearer token is required', challenge: 'Bearer' },
}

const good: GateSubject = {
  gate: () => bearer,
  admits: { alice: withToken(TOKEN) },
  refuses: { 'a caller with a wrong token': withToken(WRONG_TOKEN), 'a caller without a token': near },
  secrets: [TOKEN, WRONG_TOKEN],
}

describeGate('a bearer token', good)
describeGate('a bearer token from this host', { ...good, gate: () => allOf(localOnly(), bearer) })

let lastToken: string | undefined

const broken: Record<string, Gate['admit']> = {
  'admits every caller': () => ({ admit: true }),
  'refuses every caller': () => ({ admit: false, status: 403, reason: 'refused' }),
  'admits any token': ({ headers }, signal) =>
    headers['authorization']?.startsWith('Bearer')
      ? { admit: true }
      : bearer.admit({ ...near, headers }, signal),
  'shows the refused token': async (handshake, signal) => {
    const verdict = await bearer.admit(handshake, signal)
    return verdict.admit
      ? verdict
      : { ...verdict, reason: `${handshake.headers['authorization']} is not valid` }
  },
  'returns an invalid status': async (handshake, signal) => {
    const verdict = await bearer.admit(handshake, signal)
    return verdict.admit ? verdict : { ...verdict, status: 418 as never }
  },
  'returns no reason': async (handshake, signal) => {
    const verdict = await bearer.admit(handshake, signal)
    return verdict.admit ? verdict : { ...verdict, reason: '' }
  },
  'modifies the handshake': (handshake, signal) => {
    Object.assign(handshake.headers, { 'x-seen': '1' })
    return bearer.admit(handshake, signal)
  },
  'throws without a token': (handshake, signal) => {
    if (handshake.headers['authorization'] === undefined) throw new Error('no header')
    return bearer.admit(handshake, signal)
  },
  'confuses concurrent callers': async ({ headers }, signal) => {
    lastToken = headers['authorization']
    await Promise.resolve()
    return bearer.admit({ ...near, headers: { authorization: lastToken ?? '' } }, signal)
  },
  'admits a caller after an abort': (handshake, signal) =>
    signal.aborted ? { admit: true } : bearer.admit(handshake, signal),
  'returns an invalid expiresAt': async (handshake, signal) => {
    const verdict = await bearer.admit(handshake, signal)
    return verdict.admit ? { ...verdict, expiresAt: Number.NaN } : verdict
  },
}

for (const [defect, admit] of Object.entries(broken)) {
  test(`the gate suite fails for a gate that ${defect}`, async () => {
    const failed: string[] = []
    for (const { title, run } of gateCases) {
      await run({ ...good, gate: () => ({ admit }) }).catch(() => failed.push(title))
    }
    expect(failed).not.toEqual([])
  })
}
