import { describeGate } from '@mcpwire/compliance'
import type { Gate, Handshake } from '@mcpwire/core'
import { failureOf, refused } from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { type ProxyIdentityOptions, trustedProxies } from '../src/index.js'
import { admissionOf, httpCaller, refusalOf } from './support/handshakes.js'

const proxies = trustedProxies(['10.0.0.1'])
const fromProxy = (headers: Readonly<Record<string, string>>): Handshake =>
  httpCaller({ 'x-forwarded-for': '192.0.2.9', ...headers }, { remote: { address: '10.0.0.1' } })
const behind = (headers: Readonly<Record<string, string>>, from = proxies): Handshake =>
  from.resolveCaller(fromProxy(headers)) as Handshake
const identity = (options?: ProxyIdentityOptions): Gate => proxies.identity(options)
const alice = { 'x-forwarded-user': 'alice' }

// The suite copies each handshake, so it is resolved here.
describeGate('trustedProxies identity', {
  gate: () => ({
    admit: (handshake, signal) => identity().admit(proxies.resolveCaller(handshake) as Handshake, signal),
  }),
  admits: { 'a user of the proxy': fromProxy(alice) },
  refuses: { 'a user without the proxy': httpCaller(alice), 'no user': fromProxy({}) },
})

test('admits the user whom the proxy has identified', async () => {
  expect(await admissionOf(identity(), behind(alice))).toEqual({
    admit: true,
    authInfo: { token: '', clientId: 'alice', scopes: [], extra: { sub: 'alice' } },
  })
})

test('reads the headers that options name, in any case of letters', async () => {
  const gate = identity({ userHeader: 'X-Auth-User', scopesHeader: 'X-Auth-Scopes' })
  const headers = { 'x-auth-user': 'alice@example.com', 'x-auth-scopes': 'mcp:read mcp:write  mcp:read' }
  expect((await admissionOf(gate, behind(headers))).authInfo).toMatchObject({
    clientId: 'alice@example.com',
    scopes: ['mcp:read', 'mcp:write'],
  })
  expect((await admissionOf(gate, behind({ 'x-auth-user': 'alice' }))).authInfo?.scopes).toEqual([])
})

test.each([
  ['connects directly', httpCaller({ ...alice, 'x-forwarded-for': '192.0.2.9' })],
  [
    'has the address of a proxy, but was not resolved',
    httpCaller(alice, { remote: { address: '10.0.0.1' } }),
  ],
  ['is behind a proxy of other proxies', behind(alice, trustedProxies(['10.0.0.1']))],
  ['copies a caller behind a proxy', { ...behind(alice) }],
  ['inherits from a caller behind a proxy', Object.create(behind(alice)) as Handshake],
  [
    'is the proxy itself, without a header for the caller',
    proxies.resolveCaller(httpCaller(alice, { remote: { address: '10.0.0.1' } })) as Handshake,
  ],
])('refuses with 401 a caller that %s', async (_what, caller) => {
  expect(await refusalOf(identity(), caller)).toMatchObject({ status: 401 })
})

test.each([{}, { 'x-forwarded-user': '' }])('refuses %o with 401', async (headers) => {
  expect(await refusalOf(identity(), behind(headers))).toMatchObject({ status: 401 })
})

test.each([
  'alice, mallory',
  'alice,',
  'alice\tadmin',
  'alice\r\nx: y',
  'alice\u0000',
  'alice\u007f',
  'ālice',
  'al\u00e9',
  ' alice',
  'alice ',
  ' ',
  'a'.repeat(257),
])('refuses the user %o and such scopes with 400', async (value) => {
  const refusal = await refusalOf(identity(), behind({ 'x-forwarded-user': value }))
  expect(refusal).toMatchObject({ status: 400 })
  expect(refusal.reason).not.toContain('alice')
  const scoped = identity({ scopesHeader: 'x-scopes' })
  if (value.length < 257)
    expect(await refusalOf(scoped, behind({ ...alice, 'x-scopes': value }))).toMatchObject({ status: 400 })
})

test.each([
  [{ userHeader: '' }, 'userHeader'],
  [{ userHeader: 'x user' }, 'userHeader'],
  [{ userHeader: 'Authorization' }, 'userHeader'],
  [{ userHeader: 'from' }, 'userHeader'],
  [{ scopesHeader: 'a:b' }, 'scopesHeader'],
  [{ header: 'x' }, 'header'],
])('rejects the options %o', (options, option) => {
  expect(failureOf(() => identity(options as object))).toMatchObject(refused(option))
})
