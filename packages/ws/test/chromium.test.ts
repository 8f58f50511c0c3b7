import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { allOf, type Gate, localOnly, serve, type Transport } from '@mcpwire/core'
import { bundledForBrowsers, pageInChromium, pageWith } from '@mcpwire/test-support/chromium'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { type UpgradeHandlerOptions, upgradeHandler } from '../src/node/index.js'
import type { Visit } from './programs/page.js'

const TIMEOUT_MS = 300_000

/** A page and an MCP server on one port. */
async function site(script: string, options: Omit<UpgradeHandlerOptions, 'server'>) {
  const server = createServer(pageWith(script))
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  const connections: Transport[] = []
  const listener = await serve(upgradeHandler({ server, ...options }), (connection) => {
    connections.push(connection)
    const newServer = (): McpServer => {
      const mcp = new McpServer({ name: 'site', version: '1.0.0' })
      const inputSchema = z.object({ text: z.string() })
      mcp.registerTool('length', { inputSchema }, ({ text }) => ({
        content: [{ type: 'text', text: String(text.length) }],
      }))
      return mcp
    }
    serveStdio(newServer, { transport: connection })
  })
  onTestFinished(async () => {
    await listener.close()
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, listener, connections }
}

async function visit(page: Page, url: string, mode: 'legacy' | 'auto', token?: string): Promise<Visit> {
  const call = `visit(${JSON.stringify(url)}, ${JSON.stringify(mode)}, ${JSON.stringify(token)})`
  return (await page.evaluate(call)) as Visit
}

test('a page in Chromium completes a session and is refused from a foreign origin', {
  timeout: TIMEOUT_MS,
}, async ({ skip }) => {
  const page = await pageInChromium(skip)
  const script = await bundledForBrowsers(new URL('programs/page.ts', import.meta.url))
  expect(script).not.toContain('node:')

  const verdicts: number[] = []
  const noting: Gate = {
    admit: async (handshake, signal) => {
      const verdict = await localOnly().admit(handshake, signal)
      verdicts.push(verdict.admit ? 200 : verdict.status)
      return verdict
    },
  }
  const { port, connections } = await site(script, { gate: noting, deflate: {} })
  const url = `ws://127.0.0.1:${port}/mcp`
  await page.goto(`http://127.0.0.1:${port}/`)
  const length = [{ type: 'text', text: '100000' }]
  for (const mode of ['legacy', 'auto'] as const) {
    expect(await visit(page, url, mode)).toEqual({ sum: length, closed: 'undefined' })
  }
  for (const connection of connections) expect(await connection.closed).toBeUndefined()

  const byToken: Gate = {
    admit: ({ headers }) =>
      headers['authorization'] === 'Bearer open sesame'
        ? { admit: true, authInfo: { token: 'concealed', clientId: 'page', scopes: [] } }
        : { admit: false, status: 401, reason: 'no token' },
  }
  const guarded = await site(script, { gate: allOf(localOnly(), byToken), tokenInSubprotocol: true })
  const guardedUrl = `ws://127.0.0.1:${guarded.port}/mcp`
  expect(await visit(page, guardedUrl, 'auto')).toEqual({ error: 'CONNECT_FAILED' })
  expect(await visit(page, guardedUrl, 'auto', 'open sesame')).toEqual({ sum: length, closed: 'undefined' })
  expect(guarded.connections[0]?.peer?.authInfo?.clientId).toBe('page')

  verdicts.length = 0
  await page.goto(`http://evil.example:${port}/`)
  expect(await visit(page, url, 'auto')).toEqual({ error: 'CONNECT_FAILED' })
  expect(verdicts).toEqual([403])
})
