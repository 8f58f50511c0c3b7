import { describe, expect, test, vi } from 'vitest'
import { isLoopback } from '../src/authoring.js'
import {
  type Admission,
  allOf,
  allowAll,
  type Gate,
  type Handshake,
  localOnly,
  type Verdict,
} from '../src/index.js'

const { signal } = new AbortController()

function caller(parts: Partial<Handshake> = {}): Handshake {
  return { medium: 'http', remote: { address: '127.0.0.1' }, headers: {}, ...parts }
}

async function isAdmitted(gate: Gate, handshake: Handshake): Promise<boolean> {
  return (await gate.admit(handshake, signal)).admit
}

describe('localOnly', () => {
  test.each([
    ['127.0.0.1', true],
    ['127.255.255.254', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::FFFF:127.0.0.1', true],
    ['::ffff:7f00:1', true],
    ['10.0.0.1', false],
    ['0.0.0.0', false],
    ['::', false],
    ['128.0.0.1', false],
    ['1.127.0.0.1', false],
    ['127.0.0.1.evil.example', false],
    ['::ffff:10.0.0.1', false],
    ['fe80::1', false],
    ['2001:db8::1', false],
    ['127.0.0', false],
    ['127.0.0.999', false],
    ['', false],
  ])('decides for the address %o: %o', async (address, admitted) => {
    expect(await isAdmitted(localOnly(), caller({ remote: { address } }))).toBe(admitted)
    expect(isLoopback(address)).toBe(admitted)
  })

  test('admits callers of media without addresses', async () => {
    expect(await isAdmitted(localOnly(), caller({ medium: 'unix', remote: { pid: 7 } }))).toBe(true)
  })

  test.each([
    ['localhost', true],
    ['localhost:8080', true],
    ['LOCALHOST:8080', true],
    ['app.localhost:3000', true],
    ['127.0.0.1', true],
    ['127.0.0.1:65535', true],
    ['127.1.2.3', true],
    ['[::1]', true],
    ['[::1]:8080', true],
    ['[0:0:0:0:0:0:0:1]:8080', true],
    ['[::ffff:127.0.0.1]:8080', true],
    ['[::FFFF:7F00:1]', true],
    ['2130706433', true],
    ['evil.example', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['evillocalhost', false],
    ['localhost.', false],
    ['192.168.0.1', false],
    ['0.0.0.0', false],
    ['[::]', false],
    ['[::2]', false],
    ['[::ffff:10.0.0.1]', false],
    ['user@localhost', false],
    ['evil.example@localhost', false],
    ['localhost@evil.example', false],
    ['evil.example#@localhost', false],
    ['localhost/evil', false],
    ['localhost?evil', false],
    ['localhost#evil', false],
    ['localhost\\evil', false],
    ['evil.example\\@localhost', false],
    [' localhost', false],
    ['local\thost', false],
    ['localhost, evil.example', false],
    ['localhost:99999', false],
    ['localhost:port', false],
    ['127.0.0.999', false],
    ['::1', false],
    ['[::1', false],
    ['', false],
  ])('decides for the Host %o: %o', async (host, admitted) => {
    expect(await isAdmitted(localOnly(), caller({ host }))).toBe(admitted)
  })

  test.each([
    ['http://localhost', true],
    ['http://localhost:5173', true],
    ['https://LOCALHOST', true],
    ['http://127.0.0.1:3000', true],
    ['http://[::1]:3000', true],
    ['http://app.localhost', true],
    ['null', false],
    ['', false],
    ['https://evil.example', false],
    ['http://localhost.evil.example', false],
    ['http://localhost@evil.example', false],
    ['http://127.0.0.1.evil.example', false],
    ['http://localhost http://evil.example', false],
    ['http://192.168.0.1', false],
    ['http://0.0.0.0:3000', false],
    ['file://', false],
    ['localhost', false],
    ['//localhost', false],
  ])('decides for the Origin %o: %o', async (origin, admitted) => {
    expect(await isAdmitted(localOnly(), caller({ headers: { origin } }))).toBe(admitted)
  })

  test('requires address, Host and Origin to name this host', async () => {
    const local = { host: 'localhost:1', headers: { origin: 'http://localhost' } }
    const refused = await Promise.all([
      isAdmitted(localOnly(), caller(local)),
      isAdmitted(localOnly(), caller({ ...local, remote: { address: '10.0.0.1' } })),
      isAdmitted(localOnly(), caller({ ...local, host: 'evil.example' })),
      isAdmitted(localOnly(), caller({ ...local, headers: { origin: 'https://evil.example' } })),
    ])

    expect(refused).toEqual([true, false, false, false])
  })

  test('refuses with 403 without repeating values of the caller [HTTP-S-03]', async () => {
    const verdict = await localOnly().admit(caller({ host: 'evil.example' }), signal)

    expect(verdict).toMatchObject({ admit: false, status: 403 })
    expect(JSON.stringify(verdict)).not.toContain('evil')
  })
})

test('allowAll admits every caller', async () => {
  expect(
    await isAdmitted(allowAll(), caller({ remote: { address: '10.0.0.1' }, host: 'evil.example' })),
  ).toBe(true)
})

describe('allOf', () => {
  const returning = (verdict: Verdict): Gate => ({ admit: () => verdict })
  const authInfo = (clientId: string) => ({ token: clientId, clientId, scopes: [] })
  const refusal: Verdict = { admit: false, status: 429, reason: 'slow down', retryAfterMs: 1 }

  test('requires a gate', () => {
    expect(() => allOf()).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })

  test('admits a caller that all gates admit', async () => {
    expect(await allOf(allowAll(), allowAll()).admit(caller(), signal)).toEqual({ admit: true })
  })

  test('returns the first refusal and calls no later gate', async () => {
    const after = vi.fn(() => ({ admit: true as const }))

    expect(await allOf(allowAll(), returning(refusal), { admit: after }).admit(caller(), signal)).toBe(
      refusal,
    )
    expect(after).not.toHaveBeenCalled()
  })

  test('calls the gates in order with the same handshake and signal', async () => {
    const asked: unknown[] = []
    const asking = (name: string): Gate => ({
      admit: async (handshake, given) => {
        asked.push(name, handshake, given)
        return { admit: true }
      },
    })
    const handshake = caller()
    await allOf(asking('a'), asking('b')).admit(handshake, signal)

    expect(asked).toEqual(['a', handshake, signal, 'b', handshake, signal])
  })

  test.each([
    [undefined],
    [null],
    [{}],
    [{ admit: 'yes' }],
    [{ admit: false, status: 200 }],
    [{ admit: true, expiresAt: null }],
    [{ admit: true, revoked: '' }],
    [{ admit: true, authInfo: 0 }],
  ])('rejects an invalid verdict at any position: %o', async (nonsense) => {
    for (const gates of [
      [returning(nonsense as never), allowAll()],
      [allowAll(), returning(nonsense as never)],
    ])
      await expect(allOf(...gates).admit(caller(), signal)).rejects.toThrow(/the verdict|must be/)
  })

  test('rejects when a gate throws', async () => {
    const failing: Gate = {
      admit: () => {
        throw new Error('database gone')
      },
    }

    await expect(allOf(allowAll(), failing).admit(caller(), signal)).rejects.toThrow('database gone')
  })

  test('returns the authInfo of the last gate with one', async () => {
    const gate = allOf(
      returning({ admit: true, authInfo: authInfo('a') }),
      returning({ admit: true, authInfo: authInfo('b') }),
      allowAll(),
    )

    expect(((await gate.admit(caller(), signal)) as Admission).authInfo?.clientId).toBe('b')
  })

  test('returns the earliest expiresAt', async () => {
    const gate = allOf(
      returning({ admit: true, expiresAt: 200 }),
      returning({ admit: true, expiresAt: 100 }),
      returning({ admit: true, expiresAt: 300 }),
      returning({ admit: true }),
    )

    expect(((await gate.admit(caller(), signal)) as Admission).expiresAt).toBe(100)
  })

  test.each([0, 1])('returns a signal that aborts when either is revoked: %o', async (which) => {
    const controllers = [new AbortController(), new AbortController()]
    const gate = allOf(...controllers.map((each) => returning({ admit: true, revoked: each.signal })))
    const { revoked } = (await gate.admit(caller(), signal)) as Admission
    expect(revoked?.aborted).toBe(false)
    controllers[which]?.abort()

    expect(revoked?.aborted).toBe(true)
  })

  test('returns the only signal unchanged', async () => {
    const { signal: revoked } = new AbortController()

    expect(await allOf(returning({ admit: true, revoked }), allowAll()).admit(caller(), signal)).toEqual({
      admit: true,
      revoked,
    })
  })
})
