import { expectKnownOptions, expectOptionsAlone, failureOf } from '@mcpwire/test-support/option-errors'
import { expect, test } from 'vitest'
import {
  type Connector,
  createListener,
  createTransport,
  integer,
  options,
  rejectOption,
  text,
} from '../src/authoring.js'
import {
  isTransportError,
  memoryClient,
  memoryListener,
  memoryPair,
  messages,
  meter,
  peer,
  pipe,
  serve,
  tap,
} from '../src/index.js'
import { loadTlsEnd, loadTlsServer } from '../src/node/index.js'

const factories: Readonly<Record<string, (options: never) => unknown>> = {
  memoryPair,
  memoryListener,
  memoryClient: (options: object | null) => memoryClient(withListener(options) as never),
  meter,
  tap,
  peer: (options) => peer(memoryPair()[0], options),
  pipe: (options) => pipe(...memoryPair(), options),
  messages: (options) => messages(memoryPair()[0], options),
}

function withListener(options: object | null): unknown {
  return options?.constructor === Object ? { listener: memoryListener(), ...options } : options
}

const listed = Object.entries(factories)

test.each(listed)('%s rejects an unknown option and lists the known ones', (_name, make) => {
  expectKnownOptions((options) => make(options as never), [])
})

test.each(listed)('%s accepts unknown options that are undefined', (_name, make) => {
  expect(failureOf(() => make({ colour: undefined } as never))).toBe('nothing was thrown')
  expect(failureOf(() => make({} as never))).toBe('nothing was thrown')
})

test.each(listed)('%s reports the kind of a value that is no options object', (_name, make) => {
  expectOptionsAlone(make)
})

test.each([
  ['memoryClient', memoryClient],
  ['tap', tap],
] as const)('%s rejects missing options', (_name, make) => {
  expect(failureOf(() => make(undefined as never))).toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'options' },
  })
})

test('rejects names that every object inherits', () => {
  for (const name of ['toString', 'constructor', '__proto__']) {
    const given = JSON.parse(`{"${name}": 1}`)
    expect(failureOf(() => options<{ a?: number }>({ a: integer(1, 9, 1) }).read(given))).toMatchObject({
      details: { option: name },
    })
  }
})

test('names an option with its group', () => {
  const table = options<{ cert?: string; key?: string }>({ cert: text('a'), key: text('b') })

  expect(failureOf(() => table.read({ crt: 1 } as object, 'tls'))).toMatchObject({
    details: { option: 'tls.crt', hint: 'did you mean "cert"?' },
  })
  expect(failureOf(() => table.read(true as unknown as object, 'tls'))).toMatchObject({
    message: expect.stringContaining('a boolean'),
    details: { option: 'tls' },
  })
})

test('rejects a secret option without its value', () => {
  const error = failureOf(() => rejectOption('token', 'text'))

  expect(isTransportError(error, 'INVALID_OPTION')).toBe(true)
  expect(error).toMatchObject({ details: { option: 'token' } })
  expect(error).not.toHaveProperty('details.received')
})

test('rejects unknown TLS options at both ends', () => {
  const unknown = { rejectUnauthorized: false } as object
  const refused = { code: 'INVALID_OPTION', details: { option: 'tls.rejectUnauthorized' } }

  expect(failureOf(() => loadTlsEnd(unknown))).toMatchObject(refused)
  expect(failureOf(() => loadTlsServer(unknown))).toMatchObject(refused)
  expect(failureOf(() => loadTlsEnd({ clientCertificates: 'none' } as object))).toMatchObject({
    details: { option: 'tls.clientCertificates' },
  })
})

test('accepts further options in createTransport and createListener', () => {
  const connector: Connector = { connect: () => new Promise(() => {}) }
  const settings = { port: 1, closeTimeoutMs: 5 }

  expect(createTransport(connector, settings).state).toBe('idle')
  const acceptor = { bindsBeyondThisHost: false, listen: () => new Promise<never>(() => {}) }
  expect(createListener(acceptor, settings).address).toBeUndefined()
})

test.each(['ab', (next: Connector) => next, null])('rejects %o as layers of a listener', (layers) => {
  expect(failureOf(() => memoryListener({ layers: layers as never }))).toMatchObject({
    code: 'INVALID_OPTION',
    details: { option: 'layers' },
  })
})

test.each([undefined, null, 'http://127.0.0.1/', 7, {}, memoryListener, { port: 0 }])(
  'serve() rejects %o as source',
  async (source) => {
    await expect(serve(source as never, () => {})).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      details: { option: 'source' },
    })
  },
)

test.each(['hello', undefined, null, 7, () => {}])(
  'send(%o) rejects without a synchronous throw',
  async (given) => {
    const [near, far] = memoryPair()
    await Promise.all([near.start(), far.start()])

    const sent = near.send(given as never)

    await expect(sent).rejects.toMatchObject({
      code: 'SEND_FAILED',
      details: { delivery: 'none' },
    })
    expect(near.state).toBe('open')
    await near.close()
  },
)
