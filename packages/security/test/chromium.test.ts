import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve, type Transport } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { bundledForBrowsers, pageInChromium, pageWith } from '@mcpwire/test-support/chromium'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { cors, httpHooks, originIn, securityHeaders } from '../src/index.js'

const TIMEOUT_MS = 300_000

/** What the page reports: see the program. */
interface Visit {
  readonly error?: string
  readonly message?: string
}

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

async function visit(page: Page, url: string, mode: 'legacy' | 'auto'): Promise<Visit> {
  return (await page.evaluate(`visit(${JSON.stringify(url)}, ${JSON.stringify(mode)})`)) as Visit
}

test('lets a page of an allowed origin use the server in Chromium in both eras, and no other page', {
  timeout: TIMEOUT_MS,
}, async ({ skip }) => {
  const page = await pageInChromium(skip)
  const script = await bundledForBrowsers(new URL('../../http/test/programs/page.ts', import.meta.url))
  expect(script).not.toContain('node:')
  const sitePort = await site(script)
  const connections: Transport[] = []
  const origins = [`http://127.0.0.1:${sitePort}`]
  const hooks = httpHooks(cors({ origins }), securityHeaders())
  const listener = await serve(
    httpServer({ port: 0, hooks, gate: originIn(origins, { requireOrigin: true }) }),
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
