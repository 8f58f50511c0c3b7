import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  boolean,
  callback,
  clock,
  defaultsOf,
  group,
  inRange,
  integer,
  list,
  objectWith,
  oneOf,
  optional,
  options,
  rule,
  text,
} from '../src/authoring.js'
import { systemClock, TransportError } from '../src/index.js'

interface InnerOptions {
  depth?: number | undefined
  visit?: (() => void) | undefined
}

interface SampleOptions {
  port: number
  host?: string | undefined
  retries?: number | undefined
  isFast?: boolean | undefined
  mode?: 'a' | 'b' | undefined
  inner?: InnerOptions | undefined
  names?: readonly string[] | undefined
}

const inner = options<InnerOptions, 'visit'>({ depth: integer(0, 9, 3), visit: optional(callback()) })
const sample = options<SampleOptions, 'inner' | 'names'>({
  port: integer(1, 65_535),
  host: text('127.0.0.1'),
  retries: inRange(0, Infinity, 2.5),
  isFast: boolean(true),
  mode: oneOf<'a' | 'b', 'a'>(['a', 'b'], 'a'),
  inner: optional(group(inner)),
  names: optional(list(text())),
})

function failureOf(call: () => unknown): { code: string; option: unknown; message: string } {
  try {
    call()
  } catch (error) {
    if (error instanceof TransportError) {
      const { option } = error.details as { option?: unknown }
      return { code: error.code, option, message: error.message }
    }
    throw error
  }
  throw new Error('nothing was thrown')
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** What an application without types passes. */
function read(given: unknown): unknown {
  return sample.read(given as SampleOptions)
}

describe('reading options', () => {
  test('adds defaults and leaves optional members without one out', () => {
    expect(sample.read({ port: 7000 })).toEqual({
      port: 7000,
      host: '127.0.0.1',
      retries: 2.5,
      isFast: true,
      mode: 'a',
    })
  })

  test('treats an explicit undefined as left out', () => {
    expect(sample.read({ port: 1, host: undefined, inner: undefined })).toEqual(sample.read({ port: 1 }))
  })

  test('freezes the settings and changes nothing that was given', () => {
    const given = { port: 1 }
    const settings = sample.read(given)
    expect(Object.isFrozen(settings)).toBe(true)
    expect(given).toEqual({ port: 1 })
  })

  test('lists exactly the options that have a default as defaults', () => {
    expect(defaultsOf(sample)).toEqual({ host: '127.0.0.1', retries: 2.5, isFast: true, mode: 'a' })
  })

  test('ignores members of other names that the object inherits', () => {
    const given = Object.assign(Object.create({ colour: 'red', toString: () => 'x' }) as object, { port: 1 })
    expect(sample.read(given as SampleOptions)).toEqual(sample.read({ port: 1 }))
  })

  test('ignores members that every object inherits', () => {
    Object.defineProperty(Object.prototype, 'host', {
      ...{ value: 'polluted.example', configurable: true, writable: true },
    })
    onTestFinished(() => {
      Reflect.deleteProperty(Object.prototype, 'host')
    })
    expect(sample.read({ port: 1 }).host).toBe('127.0.0.1')
  })

  test('ignores an inherited member that is undefined', () => {
    const given = Object.assign(Object.create({ host: undefined }) as object, { port: 1 })
    expect(sample.read(given as SampleOptions).host).toBe('127.0.0.1')
  })

  test('refuses a "__proto__" member of parsed JSON as an unknown option', () => {
    const given: unknown = JSON.parse('{"port":1,"__proto__":{"host":"x"}}')
    expect(failureOf(() => read(given))).toMatchObject({ code: 'INVALID_OPTION', option: '__proto__' })
  })

  test('accepts members of a larger table when it selects, and still checks its own', () => {
    const given = { port: 1, more: true } as SampleOptions
    expect(sample.select(given)).not.toHaveProperty('more')
    expect(failureOf(() => sample.select({ port: 0 }))).toMatchObject({ option: 'port' })
  })
})

describe('refused options', () => {
  test.each<[given: unknown, option: string]>([
    [{}, 'port'],
    [{ port: null }, 'port'],
    [{ port: '80' }, 'port'],
    [{ port: 1.5 }, 'port'],
    [{ port: 65_536 }, 'port'],
    [{ port: 1, host: '' }, 'host'],
    [{ port: 1, host: null }, 'host'],
    [{ port: 1, retries: Number.NaN }, 'retries'],
    [{ port: 1, retries: -1 }, 'retries'],
    [{ port: 1, isFast: 'no' }, 'isFast'],
    [{ port: 1, mode: 'c' }, 'mode'],
    [{ port: 1, inner: [] }, 'inner'],
    [{ port: 1, inner: { depth: 10 } }, 'inner.depth'],
    [{ port: 1, inner: { visit: {} } }, 'inner.visit'],
    [{ port: 1, inner: { deep: 1 } }, 'inner.deep'],
    [{ port: 1, names: 'x' }, 'names'],
    [{ port: 1, names: ['x', ''] }, 'names[1]'],
    [{ port: 1, hots: 'x' }, 'hots'],
    [null, 'options'],
    ['port', 'options'],
    [[], 'options'],
  ])('reports INVALID_OPTION for %j with the name %s', (given, option) => {
    expect(failureOf(() => read(given))).toMatchObject({ code: 'INVALID_OPTION', option })
  })

  class Configuration {
    readonly port = 1
    get retries(): number {
      return 3
    }
  }

  class Visitor {
    visit(): void {}
  }

  const withoutRoot = Object.assign(Object.create(Object.create(null, { host: { value: 'x' } })), { port: 1 })

  test.each<[kind: string, given: object, option: string]>([
    ['an instance with an accessor', new Configuration(), 'retries'],
    ['an instance of a subclass', new (class extends Configuration {})(), 'retries'],
    ['a copy by Object.create()', Object.assign(Object.create({ host: 'x' }), { port: 1 }), 'host'],
    ['a required option', Object.create({ port: 1 }), 'port'],
    ['a chain without Object.prototype', withoutRoot, 'host'],
    ['a group with a method', { port: 1, inner: new Visitor() }, 'inner.visit'],
    ['a URL', new URL('tcp://127.0.0.1:1'), 'port'],
  ])('rejects inherited options, which would have no effect: %s', (_kind, given, option) => {
    expect(failureOf(() => read(given))).toMatchObject({ code: 'INVALID_OPTION', option })
    expect(failureOf(() => read(given)).message).toContain('inherited')
  })

  const secret = new Error('hunter2')
  const fail = (): never => {
    throw secret
  }
  const throwing = (name: string) => Object.defineProperty({ port: 1 }, name, { get: fail, enumerable: true })

  test.each<[kind: string, given: object, option: string]>([
    ['an accessor', throwing('host'), 'host'],
    ['an accessor of an unknown name', throwing('elsewhere'), 'elsewhere'],
    ['an accessor of a group', { port: 1, inner: throwing('depth') }, 'inner.port'],
    [
      'an accessor in a group',
      {
        port: 1,
        inner: {
          get depth(): number {
            return fail()
          },
        },
      },
      'inner.depth',
    ],
    ['a proxy', new Proxy({ port: 1 }, { get: fail }), 'port'],
    ['a revoked proxy', { port: 1, names: revoked() }, 'names'],
    ['an item of a list', { port: 1, names: [throwing('host')] }, 'names[0]'],
  ])('reports an option that cannot be read, with the error as cause: %s', (_kind, given, option) => {
    const failure = failureOf(() => read(given))
    expect(failure).toMatchObject({ code: 'INVALID_OPTION', option })
    expect(failure.message).not.toContain('hunter2')
  })

  test('keeps the error of an accessor as cause', () => {
    expect(() => read(throwing('host'))).toThrow(expect.objectContaining({ cause: secret }))
  })

  test('reports an option whose own check throws', () => {
    const table = options<{ url: string }>({ url: rule((_option, value) => void new URL(String(value))) })
    const values = [Object.create(null), { toString: fail }, { [Symbol.toPrimitive]: fail }, Symbol('x')]
    for (const url of values)
      expect(failureOf(() => table.read({ url } as never))).toMatchObject({ option: 'url' })
  })

  test.each<[given: string, meant: string]>([
    ['Host', 'host'],
    ['hosts', 'host'],
    ['is_fast', 'isFast'],
    ['retires', 'retries'],
    ['hots', 'host'],
    ['retriesMs', 'retries'],
  ])('suggests the option meant by %s', (given, meant) => {
    const { message } = failureOf(() => read({ port: 1, [given]: 1 }))
    expect(message).toContain(`did you mean "${meant}"?`)
  })

  describe('with longer names', () => {
    const table = options<Record<string, string>>(
      Object.fromEntries(
        ['maxMessageBytes', 'connectTimeoutMs', 'keepAliveMs', 'drainMs', 'cert', 'minVersion', 'host'].map(
          (name) => [name, text('x')],
        ),
      ),
    )
    const hintFor = (name: string): string => failureOf(() => table.read({ [name]: 'x' })).message

    test.each([
      ['maxmessagebytes', 'maxMessageBytes'],
      ['max_message_bytes', 'maxMessageBytes'],
      ['maxMesageByte', 'maxMessageBytes'],
      ['messageMaxBytes', 'maxMessageBytes'],
      ['connectTimeout', 'connectTimeoutMs'],
      ['connect-timeout', 'connectTimeoutMs'],
      ['keepalive', 'keepAliveMs'],
      ['keep-alive-ms', 'keepAliveMs'],
      ['KEEP_ALIVE', 'keepAliveMs'],
      ['drain', 'drainMs'],
      ['crt', 'cert'],
      ['hsot', 'host'],
    ])('corrects %s to %s', (given, meant) => {
      expect(hintFor(given)).toContain(`did you mean "${meant}"?`)
    })

    test.each([
      'idleTimeoutMs',
      'closeTimeoutMs',
      'maxVersion',
      'maxQueuedBytes',
      'ca',
      'key',
      'cart',
      'constructor',
    ])('suggests nothing for %s', (given) => {
      expect(hintFor(given)).toContain('known: ')
    })
  })

  test.each([
    ['nodes', 'names'],
    ['modes', 'nodes'],
    ['path', 'port'],
    ['post', 'port'],
    ['stop', 'port'],
    ['part', 'port'],
    ['cmd', 'cwd'],
    ['hint', 'host'],
    ['gate', 'tags'],
  ])('does not suggest another short name: %s is not %s', (given, known) => {
    const table = options<Record<string, string>>({ [known]: text('x') })
    const { message } = failureOf(() => table.read({ [given]: 'x' }))
    expect(message).toContain(`known: ${known}`)
  })

  test('lists the known options when none is similar', () => {
    const { message } = failureOf(() => read({ port: 1, elsewhere: 1 }))
    expect(message).toContain('known: port, host, retries, isFast, mode, inner, names')
  })

  test('shows no value of an unknown option', () => {
    const { message } = failureOf(() => read({ port: 1, pasword: 'hunter2' }))
    expect(message).not.toContain('hunter2')
  })
})

describe('rules', () => {
  test('use the clock of the machine where no clock is given', () => {
    expect(clock().defaultValue).toBe(systemClock)
    expect(failureOf(() => clock().check('clock', {}))).toMatchObject({ option: 'clock' })
  })

  test('accept an object that has the methods asked for', () => {
    const store = objectWith<{ open: () => void }>(['open'], 'a store')
    expect(() => store.check('store', { open: () => {} })).not.toThrow()
    expect(failureOf(() => store.check('store', { open: 1 })).message).toContain('must be a store')
  })

  test('may check in a way of their own', () => {
    const even = rule<number>((option, value) => {
      if ((value as number) % 2 !== 0)
        throw new TransportError('INVALID_OPTION', `option "${option}" must be even`, { option })
    })
    const table = options<{ count: number }>({ count: even })
    expect(failureOf(() => table.read({ count: 3 }))).toMatchObject({ option: 'count' })
    expect(table.read({ count: 4 })).toEqual({ count: 4 })
  })
})

test('a table never yields a member that it has no rule for, whatever is given', () => {
  const known = Object.keys(sample.rules)
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything()), (given) => {
      let settings: object
      try {
        settings = sample.select({ ...given, port: 80 } as SampleOptions)
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_OPTION' })
        return
      }
      expect(known).toEqual(expect.arrayContaining(Object.keys(settings)))
    }),
  )
})
