import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { upgradeHandler, wsServer } from '../src/node/index.js'

function failureOf(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return 'nothing was thrown'
}

const refused = (option: string): object => ({ code: 'INVALID_OPTION', details: { option } })

const url = 'wss://127.0.0.1:1/mcp'
const factories = {
  wsClient: (options: object) => wsClient({ url, ...options }),
  wsServer: (options: object) => wsServer({ port: 0, ...options }),
  upgradeHandler: (options: object) => upgradeHandler({ server: createServer(), ...options }),
}
const known = {
  wsClient: ['url', 'headers', 'tokenInSubprotocol', 'tls', 'deflate', 'pingIntervalMs', 'clock'],
  wsServer: ['port', 'tls', 'path', 'tokenInSubprotocol', 'deflate', 'gate', 'sessions', 'clock'],
  upgradeHandler: ['server', 'path', 'tokenInSubprotocol', 'deflate', 'gate', 'layers', 'clock'],
}

test.each(Object.entries(factories))('%s refuses an option it does not know', (name, make) => {
  const error = failureOf(() => make({ colour: 'red' }))

  expect(error).toMatchObject(refused('colour'))
  const [, names = ''] = /^option "colour" is not known; known: (.*)$/.exec((error as Error).message) ?? []
  expect(names.split(', ')).toEqual(expect.arrayContaining(known[name as keyof typeof known]))
  expect(failureOf(() => make({ colour: undefined }))).toBe('nothing was thrown')
})

test.each([
  ['wsClient', { tls: { rejectUnauthorized: false } }, 'tls.rejectUnauthorized'],
  ['wsClient', { tls: null }, 'tls'],
  ['wsServer', { tls: { requestCert: true } }, 'tls.requestCert'],
  ['wsServer', { tls: false }, 'tls'],
  ['wsClient', { deflate: { threshold: 1 } }, 'deflate.threshold'],
  ['wsServer', { deflate: { threshold: 1 } }, 'deflate.threshold'],
  ['upgradeHandler', { deflate: true }, 'deflate'],
] as const)('%s refuses %o', (name, options, option) => {
  expect(failureOf(() => factories[name](options))).toMatchObject(refused(option))
})

test.each([wsClient, wsServer, upgradeHandler])('%o says what it was given instead of options', (make) => {
  for (const [given, said] of [
    [undefined, 'undefined'],
    ['ws://127.0.0.1/?token=s3cret', 'a string'],
    [8080, 'a number'],
  ]) {
    expect(failureOf(() => make(given as never))).toMatchObject({
      code: 'INVALID_OPTION',
      message: `the options must be an object; received ${said}`,
    })
  }
})

test.each([
  ['an application of Express', Object.assign(() => {}, { on: () => {}, listen: () => {} })],
  ['nothing', undefined],
  ['a port', 8080],
])('upgradeHandler refuses %s for a server', (_what, server) => {
  expect(failureOf(() => upgradeHandler({ server } as never))).toMatchObject({
    ...refused('server'),
    message: expect.stringMatching(/must be a server of node:http or node:https, such as app\.listen/),
  })
})

test.each([
  [{ headers: 'a' }, 'headers'],
  [{ tokenInSubprotocol: 5 }, 'tokenInSubprotocol'],
  [{ url: 'ws://127.0.0.1/', tls: { key: 'secret' } }, 'tls'],
])('wsClient says nothing untrue of what it refuses in %o', (options, option) => {
  const error = failureOf(() => wsClient({ url, ...options } as never))

  expect(error).toMatchObject(refused(option))
  expect((error as Error).message).not.toContain('received')
  expect(error).not.toHaveProperty('details.received')
})
