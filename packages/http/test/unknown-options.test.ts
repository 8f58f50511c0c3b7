import { expectKnownOptions, failureOf, refused } from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import { httpClient, httpHandler, memoryEventStore } from '../src/index.js'
import { httpServer, requestHandler } from '../src/node/index.js'

const url = 'https://127.0.0.1:1/mcp'
const factories = {
  httpClient: (options: object) => httpClient({ url, ...options }),
  httpServer: (options: object) => httpServer({ port: 0, ...options }),
  httpHandler: (options: object) => httpHandler(options),
  requestHandler: (options: object) => requestHandler(options),
  memoryEventStore: (options: object) => memoryEventStore(options),
}
const known = {
  httpClient: [
    'url',
    'headers',
    'auth',
    'tls',
    'proxy',
    'fetch',
    'agent',
    'reconnect',
    'onStreamState',
    'clock',
  ],
  httpServer: [
    'port',
    'host',
    'path',
    'tls',
    'maxSockets',
    'gate',
    'eventStore',
    'hooks',
    'httpSse',
    'clock',
  ],
  httpHandler: ['url', 'gate', 'principal', 'onDisconnect', 'responseFormat', 'clock'],
  requestHandler: ['url', 'gate', 'principal', 'onDisconnect', 'responseFormat', 'clock'],
  memoryEventStore: ['maxEvents', 'maxBytes', 'maxAgeMs', 'clock'],
}

test.each(Object.entries(factories))('%s refuses an option it does not know', (name, make) => {
  expectKnownOptions(make, known[name as keyof typeof known])
})

const token = (): string => 't'

test.each([
  ['httpClient', { tls: { rejectUnauthorized: false } }, 'tls.rejectUnauthorized'],
  ['httpClient', { tls: null }, 'tls'],
  ['httpClient', { tls: true }, 'tls'],
  ['httpClient', { auth: { token, onUnauthorised: token } }, 'auth.onUnauthorised'],
  ['httpClient', { auth: null }, 'auth'],
  ['httpClient', { reconnect: { attempts: 3 } }, 'reconnect.attempts'],
  ['httpClient', { reconnect: null }, 'reconnect'],
  ['httpServer', { tls: { requestCert: true } }, 'tls.requestCert'],
  ['httpServer', { tls: false }, 'tls'],
  ['httpServer', { hooks: { cors: true } }, 'hooks.cors'],
  ['httpHandler', { hooks: () => {} }, 'hooks'],
  [
    'httpHandler',
    { httpSse: { path: '/sse', messagesPath: '/messages', keepAlive: 1 } },
    'httpSse.keepAlive',
  ],
  ['requestHandler', { httpSse: true }, 'httpSse'],
  ['requestHandler', { layers: (next: unknown) => next }, 'layers'],
] as const)('%s refuses %o', (name, options, option) => {
  expect(failureOf(() => factories[name](options))).toHaveProperty('details.option', option)
})

test('an object of a class may have more than what is asked of it', () => {
  class Tokens {
    current = 't'
    token(): string {
      return this.current
    }
  }

  expect(httpClient({ url, auth: new Tokens() }).state).toBe('idle')
})

test('an auth that is written as a literal may have a state of its own', () => {
  const auth = {
    current: 't',
    token(): string {
      return this.current
    },
    async onUnauthorized(): Promise<void> {
      this.current = await this.fetched()
    },
    fetched: async (): Promise<string> => 'u',
  }

  expect(httpClient({ url, auth }).state).toBe('idle')
})

test.each([httpClient, httpServer])('%o reports the type of a value that is no object of options', (make) => {
  for (const [given, said] of [
    [undefined, 'undefined'],
    ['http://127.0.0.1/?token=s3cret', 'a string'],
    [8080, 'a number'],
  ]) {
    expect(failureOf(() => make(given as never))).toMatchObject({
      code: 'INVALID_OPTION',
      message: `the options must be an object; received ${said}`,
    })
  }
})

test.each([
  [{ auth: 'x' }, 'auth'],
  [{ agent: 'x' }, 'agent'],
  [{ tls: {}, url: 'http://127.0.0.1/' }, 'tls'],
  [{ proxy: 'http://user:secret@127.0.0.1', fetch }, 'proxy'],
])('httpClient names only the option that it refuses in %o', (options, option) => {
  const error = failureOf(() => httpClient({ url, ...options } as never))

  expect(error).toMatchObject(refused(option))
  expect((error as Error).message).not.toContain('received')
  expect(error).not.toHaveProperty('details.received')
})
