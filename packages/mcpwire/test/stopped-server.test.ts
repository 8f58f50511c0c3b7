import { initializeParams } from '@mcpwire/test-support/messages'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isAlive } from './support/bin.js'
import { listening } from './support/listening.js'

const HTTP = 'http://127.0.0.1:0/mcp'
const MEGABYTE = 1_000_000
const POSTS = 12
const MODERN = '2026-07-28'

/** A POST of a request, in a session or in 2026-07-28. */
type Ask = (method: string, params?: object) => Promise<Response>

function posting(url: string, era: string, session: Readonly<Record<string, string>>): Ask {
  let id = 0
  const meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  return (method, params = {}) =>
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...session,
        ...(era === MODERN && { 'mcp-protocol-version': MODERN, 'mcp-method': method }),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: ++id,
        method,
        params: { ...params, ...(era === MODERN && { _meta: meta }) },
      }),
    })
}

async function opened(url: string, era: string): Promise<Ask> {
  if (era === MODERN) return posting(url, era, {})
  const response = await posting(url, era, {})('initialize', initializeParams('2025-11-25'))
  await response.text()
  return posting(url, era, { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' })
}

describe.each(['sessions', MODERN])('a server that has stopped, in %s', (era) => {
  test('costs at most --max-total-bytes: the bridge goes on, and so does the server later', async () => {
    const {
      addresses,
      process: bridging,
      rawStderr,
    } = await listening([HTTP], ['--max-total-bytes', String(4 * MEGABYTE)])
    const ask = await opened(addresses[0] ?? '', era)
    const { result } = JSON.parse(await (await ask('facts')).text())
    onTestFinished(() => {
      if (isAlive(result.pid)) process.kill(result.pid, 'SIGKILL')
    })
    process.kill(result.pid, 'SIGSTOP')
    const text = 'x'.repeat(MEGABYTE)
    const statuses: number[] = []
    const asked = Array.from({ length: POSTS }, async () => {
      const response = await ask('echo', { text })
      statuses.push(response.status)
      return await response.text()
    })
    // A session has one server: over its limit it may end. In 2026-07-28 requests wait, and some are refused.
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThanOrEqual(POSTS / 3))
    await vi.waitFor(() => expect(rawStderr()).toMatch(/--max-total-bytes \(4000000\)/))
    expect(bridging.exitCode).toBeNull()
    // Another session has a server of its own.
    const other = await opened(addresses[0] ?? '', 'sessions')
    expect((await other('ping')).status).toBe(200)
    if (isAlive(result.pid)) process.kill(result.pid, 'SIGCONT')
    const answers = await Promise.all(asked)
    for (const answer of answers) expect(answer).toMatch(/"result"|-3100[236]/)
    expect((await other('ping')).status).toBe(200)
  })
})
