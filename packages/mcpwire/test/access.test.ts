import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { connect, folder, type Listening, listening } from './support/listening.js'
import { type Issuer, startIssuer } from './support/issuer.js'

// Each bridge listens at one URL of every wire. The clients run in this process.

const PUBLIC_URL = 'https://mcp.example/mcp'

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
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

const authorization = (credential: string) => ({ headers: { authorization: `Bearer ${credential}` } })

/** The result of a request of a client with these headers: "admitted", or the code of the error. */
async function outcome(address: string, headers?: Record<string, string>): Promise<string> {
  try {
    const client = await connect(address, headers && { headers })
    await client.request('ping')
    return 'admitted'
  } catch (error) {
    const { code, data } = error as { code?: unknown; data?: { code?: unknown } }
    return String(data?.code ?? code)
  }
}

async function outcomes({ addresses }: Listening, headers?: Record<string, string>): Promise<string[]> {
  const all: string[] = []
  for (const address of addresses) all.push(await outcome(address, headers))
  return all
}

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
    const [url = ''] = (await listening(['tcp://127.0.0.1:0'], ['--api-key-file', path])).addresses
    const before = await connect(url, { headers: BEARER_KEY })
    await before.request('ping')
  })
})
