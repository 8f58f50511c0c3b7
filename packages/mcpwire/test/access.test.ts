import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { connect, folder, type Listening, listening } from './support/listening.js'

// Each bridge listens at one URL of every wire. The clients run in this process.

function everyWire(): string[] {
  return [
    'http://127.0.0.1:0/mcp',
    'ws://127.0.0.1:0/mcp',
    'tcp://127.0.0.1:0',
    `unix:${join(folder(), 's')}`,
  ]
}

function keyFile(...lines: string[]): string {
  const path = join(folder(), 'keys')
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 })
  return path
}

/** The result of a request of a client with these headers: "admitted", or the code of the error. */
async function outcome(address: string, headers?: Record<string, string>): Promise<string> {
  try {
    const client = await connect(address, headers && { headers })
    await client.request('initialize', { protocolVersion: '2025-11-25' })
    return 'admitted'
  } catch (error) {
    const { code, data, cause } = error as Partial<Record<'code' | 'data' | 'cause', { code?: unknown }>>
    return String(data?.code ?? cause?.code ?? code)
  }
}

async function outcomes({ addresses }: Listening, headers?: Record<string, string>): Promise<string[]> {
  const all: string[] = []
  for (const address of addresses) all.push(await outcome(address, headers))
  return all
}

const WAIT = { timeout: 20_000, interval: 50 }
const all = (text: string): string[] => Array(4).fill(text)

/** Longer than the shortest key that is accepted. */
const KEY = 'k-planted-0123456789abcdef'
const BEARER_KEY = { authorization: `Bearer ${KEY}` }
const NO_KEY = undefined

describe('--api-key-file', () => {
  test('admits clients with a key, and refuses others, on every wire', async () => {
    const bridge = await listening(everyWire(), ['--api-key-file', keyFile(`ada ${KEY}`)])
    expect(await outcomes(bridge, BEARER_KEY)).toEqual(all('admitted'))
    expect(await outcomes(bridge, { 'x-api-key': KEY })).toEqual(all('admitted'))
    expect(await outcomes(bridge, { authorization: `Bearer ${KEY}x` })).toEqual(all('AUTH_REQUIRED'))
    expect(await outcomes(bridge, NO_KEY)).toEqual(all('AUTH_REQUIRED'))
    await vi.waitFor(() => expect(bridge.logged()).toHaveLength(8))
    const refusals = bridge.logged()
    for (const line of refusals) expect(line).toMatch(/^mcpwire bridge: REFUSED: \S+ was refused \(401\): /)
    expect(refusals.filter((line) => /a preamble is required .*--header/.test(line))).toHaveLength(2)
  })

  test('follows the file: a new key is admitted, and a file that is wrong changes nothing', async () => {
    const path = keyFile(`ada ${KEY}`)
    const bridge = await listening(['tcp://127.0.0.1:0'], ['--api-key-file', path])
    const [url = ''] = bridge.addresses
    const before = await connect(url, { headers: BEARER_KEY })
    await before.request('ping')
    const next = { authorization: `Bearer ${KEY}-next` }

    writeFileSync(path, `ada ${KEY}\nada short\n`)
    await vi.waitFor(() => expect(bridge.logged()).not.toEqual([]), WAIT)
    expect(bridge.logged()).toEqual([
      expect.stringMatching(
        /^mcpwire bridge: --api-key-file .*line 2 must be .*; the previous keys stay valid$/,
      ),
    ])
    expect(await outcome(url, BEARER_KEY)).toBe('admitted')

    writeFileSync(path, `ada ${KEY}\nada ${KEY}-next\n`)
    await vi.waitFor(async () => expect(await outcome(url, next)).toBe('admitted'), WAIT)
    expect(await before.request('ping')).toEqual({})

    writeFileSync(path, `ada ${KEY}-next\n`)
    expect(await before.closed).toMatchObject({ code: 'REFUSED' })
    expect(await outcome(url, BEARER_KEY)).toBe('AUTH_REQUIRED')
  })
})
