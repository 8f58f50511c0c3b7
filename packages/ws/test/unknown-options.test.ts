import { createServer } from 'node:http'
import {
  expectKnownOptions,
  expectOptionsAlone,
  failureOf,
  refused,
} from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { upgradeHandler, wsServer } from '../src/node/index.js'

const url = 'wss://127.0.0.1:1/mcp'
const factories = {
  wsClient: (options: object) => wsClient({ url, ...options }),
  wsServer: (options: object) => wsServer({ port: 0, ...options }),
  upgradeHandler: (options: object) => upgradeHandler({ server: createServer(), ...options }),
}
const known = {
  wsClient: ['url', 'headers', 'tokenInSubprotocol', 'tls', 'deflate', 'pingIntervalMs', 'clock'],
  wsServer: ['port', 'tls', 'path', 'tokenInSubprotocol', 'deflate', 'gate', 'sessionPolicy', 'clock'],
  upgradeHandler: ['server', 'path', 'tokenInSubprotocol', 'deflate', 'gate', 'layers', 'clock'],
}

test.each(Object.entries(factories))(
  '%s rejects an unknown option and lists the known ones',
  (name, make) => {
    expectKnownOptions(make, known[name as keyof typeof known])
  },
)

test.each([
  ['wsClient', { tls: { rejectUnauthorized: false } }, 'tls.rejectUnauthorized'],
  ['wsClient', { tls: null }, 'tls'],
  ['wsServer', { tls: { requestCert: true } }, 'tls.requestCert'],
  ['wsServer', { tls: false }, 'tls'],
  ['wsClient', { deflate: { threshold: 1 } }, 'deflate.threshold'],
  ['wsServer', { deflate: { threshold: 1 } }, 'deflate.threshold'],
  ['upgradeHandler', { deflate: true }, 'deflate'],
] as const)('%s rejects %o', (name, options, option) => {
  expect(failureOf(() => factories[name](options))).toMatchObject(refused(option))
})

test.each([wsClient, wsServer, upgradeHandler])(
  '%o rejects a value that is not an options object',
  (make) => {
    expectOptionsAlone(make)
    expect(failureOf(() => make(undefined as never))).toMatchObject(refused('options'))
  },
)

test.each([
  ['an Express application', Object.assign(() => {}, { on: () => {}, listen: () => {} })],
  ['nothing', undefined],
  ['a port', 8080],
])('upgradeHandler rejects %s as option "server"', (_what, server) => {
  expect(failureOf(() => upgradeHandler({ server } as never))).toMatchObject(refused('server'))
})

test.each([
  [{ headers: 'a' }, 'headers'],
  [{ tokenInSubprotocol: 5 }, 'tokenInSubprotocol'],
  [{ url: 'ws://127.0.0.1/', tls: { key: 'secret' } }, 'tls'],
])('wsClient conceals the value when it rejects %o', (options, option) => {
  const error = failureOf(() => wsClient({ url, ...options } as never))

  expect(error).toMatchObject(refused(option))
  expect((error as Error).message).not.toContain('received')
  expect(error).not.toHaveProperty('details.received')
})
