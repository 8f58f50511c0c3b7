import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Gate, type HttpHooks, serve, type Transport } from '@mcpwire/core'
import { bundledForBrowsers, pageInChromium, pageWith } from '@mcpwire/test-support/chromium'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { httpServer } from '../src/node/index.js'
import type { Visit } from './programs/page.js'

const TIMEOUT_MS = 300_000

/** A site with a page of another origin than the MCP server's. */
async function site(script: string): Promise<number> {
  const server = createServer(pageWith(script))
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Admits pages of one origin only (Fetch Standard, CORS protocol). */
function pagesOf(origin: string): { hooks: HttpHooks; gate: Gate } {
  const isAllowed = (headers: Readonly<Record<string, string>>): boolean => headers['origin'] === origin
  const allow = { 'access-control-allow-origin': origin, vary: 'origin' }
  return {
    gate: {
      admit: ({ headers }) =>
        isAllowed(headers)
          ? { admit: true }
          : { admit: false, status: 403, reason: 'a page of another origin' },
    },
    hooks: {
      preflight: ({ headers }) =>
        isAllowed(headers)
          ? {
              status: 204,
              headers: {
                'access-control-allow-methods': 'GET, POST, DELETE',
                'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
              },
            }
          : undefined,
      responseHeaders: ({ headers }) =>
        isAllowed(headers)
          ? { ...allow, 'access-control-expose-headers': 'mcp-session-id, www-authenticate, retry-after' }
          : {},
    },
  }
}

async function visit(page: Page, url: string, mode: 'legacy' | 'auto'): Promise<Visit> {
  return (await page.evaluate(`visit(${JSON.stringify(url)}, ${JSON.stringify(mode)})`)) as Visit
}

test('completes a session from a page of an allowed origin in Chromium, and refuses another origin', {
  timeout: TIMEOUT_MS,
}, async ({ skip }) => {
  const page = await pageInChromium(skip)
  const script = await bundledForBrowsers(new URL('programs/page.ts', import.meta.url))
  expect(script).not.toContain('node:')
  const sitePort = await site(script)
  const connections: Transport[] = []
  const listener = await serve(
    httpServer({ port: 0, ...pagesOf(`http://127.0.0.1:${sitePort}`) }),
    (connection) => {
      connections.push(connection)
      serveStdio(newServer, { transport: connection })
    },
  )
  onTestFinished(() => listener.close())
  const url = listener.url

  await page.goto(`http://127.0.0.1:${sitePort}/`)
  for (const mode of ['legacy', 'auto'] as const) {
    expect(await visit(page, url, mode)).toEqual({
      sum: [{ type: 'text', text: '100000' }],
      progress: [1, 2],
      closed: 'undefined',
    })
  }
  expect(connections.length).toBeGreaterThan(0)

  const before = connections.length
  await page.goto(`http://evil.example:${sitePort}/`)
  expect((await visit(page, url, 'auto')).error).toBeDefined()
  const { error, message } = await visit(page, url, 'legacy')
  expect(error).toBe('SEND_FAILED')
  // The error of Chromium is `Failed to fetch`, without a reason.
  expect(message).toContain(url)
  expect(message).toMatch(/CORS/)
  expect(message).toContain(`http://evil.example:${sitePort}`)
  expect(connections.length).toBe(before)
})

function newServer(): McpServer {
  const mcp = new McpServer({ name: 'site', version: '1.0.0' })
  mcp.registerTool(
    'length',
    { inputSchema: z.object({ text: z.string() }) },
    async ({ text }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken ?? 'none'
      for (const progress of [1, 2])
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } })
      return { content: [{ type: 'text', text: String(text.length) }] }
    },
  )
  return mcp
}
