import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createFakeClock, type FakeClock, until, within } from '@mcpwire/compliance'
import { allOf, type Gate, type Transport } from '@mcpwire/core'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { Client } from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { anyOf, bearer, remoteIn } from '../src/index.js'
import { apiKey, apiKeyFile } from '../src/node/index.js'
import { type Credentials, type Served, type Wire, wires } from './support/wires.js'

const TIMEOUT_MS = 30_000
const LIFETIME_MS = 60_000
const KEY = 'key-of-ci-0123456789abcdef'
const OTHER = 'key-of-laptop-0123456789abcdef'

const withKey: Credentials = { headers: { 'x-api-key': KEY } }
const withToken: Credentials = { headers: { authorization: `Bearer ${KEY}` } }

async function connected(
  served: Served,
  credentials: Credentials,
): Promise<{ client: Client; far: Transport }> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(served.client(credentials))
  return { client, far: served.connections.at(-1) as Transport }
}

const ended = (far: Transport): Promise<Error | undefined> =>
  within(far.closed, 'the connection ended', TIMEOUT_MS)

const expiring: readonly (readonly [string, (clock: FakeClock) => Gate, Credentials])[] = [
  [
    'a token',
    (clock) =>
      bearer({
        verify: (token) => ({
          authInfo: { token, clientId: 'ada', scopes: [] },
          expiresAt: clock.epochNow() + LIFETIME_MS,
        }),
      }),
    withToken,
  ],
  [
    'a key',
    (clock) => apiKey([{ name: 'ci', key: KEY, expiresAt: clock.epochNow() + LIFETIME_MS }], { clock }),
    withKey,
  ],
  [
    'a key in anyOf and allOf',
    (clock) =>
      allOf(
        { admit: () => ({ admit: true }) },
        anyOf(
          remoteIn(['10.0.0.0/8']),
          apiKey([{ name: 'ci', key: KEY, expiresAt: clock.epochNow() + LIFETIME_MS }], { clock }),
        ),
      ),
    withKey,
  ],
]

describe.each(wires)('a connection over $name', ({ serve }: Wire) => {
  test.each(expiring)('ends when %s expires', async (_what, gate, credentials) => {
    const clock = createFakeClock()
    const served = await serve(gate(clock), { clock })
    const { far } = await connected(served, credentials)
    await clock.advance(LIFETIME_MS - 1_000)
    expect(far.state).toBe('open')
    await clock.advance(1_000)
    expect(await ended(far)).toMatchObject({ code: 'REFUSED' })
  })

  test('ends when its token is revoked', async () => {
    const controller = new AbortController()
    const gate = bearer({
      verify: (token) => ({
        authInfo: { token, clientId: 'ada', scopes: [] },
        revoked: controller.signal,
      }),
    })
    const { far } = await connected(await serve(anyOf(gate)), withToken)
    controller.abort()
    expect(await ended(far)).toMatchObject({ code: 'REFUSED' })
  })

  test('ends when its key is removed from the file, and others stay', async () => {
    const path = join(await temporaryFolder(), 'keys')
    const write = async (text: string): Promise<void> => {
      await writeFile(`${path}.new`, text, { mode: 0o600 })
      await rename(`${path}.new`, path)
    }
    await write(`ci ${KEY}\nlaptop ${OTHER}\n`)
    const clock = createFakeClock()
    const gate = apiKeyFile(path, { clock })
    onTestFinished(() => gate[Symbol.dispose]())
    const served = await serve(gate)
    const ci = await connected(served, withKey)
    const laptop = await connected(served, { headers: { 'x-api-key': OTHER } })
    await write(`laptop ${OTHER}\n`)
    await until(
      async () => {
        await clock.advance(100)
        return ci.far.state === 'closed'
      },
      'the connection ended',
      TIMEOUT_MS,
    )
    expect(await ended(ci.far)).toMatchObject({ code: 'REFUSED' })
    await laptop.client.ping()
    await expect(connected(served, withKey)).rejects.toThrow()
  })
})
