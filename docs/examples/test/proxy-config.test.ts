import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { type RefusedCaller, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { remoteIn, trustedProxies } from '@mcpwire/security'
import { runNginx } from '@mcpwire/test-support/nginx'
import { freePort } from '@mcpwire/test-support/ports'
import { missing, nginxProgram } from '@mcpwire/test-support/system-packages'
import { expect, onTestFinished, test } from 'vitest'
import { newServer } from '../support/new-server.js'

const TIMEOUT_MS = 300_000

test('the nginx of the guide names each caller', { timeout: TIMEOUT_MS }, async ({ skip }) => {
  const why = missing(nginxProgram)
  if (why !== undefined) skip(why)
  const { resolveCaller } = trustedProxies(['127.0.0.1'])
  const refused: RefusedCaller[] = []
  const listener = httpServer({ port: 0, resolveCaller, gate: remoteIn(['127.0.0.9']) })
  listener.onrefused = (caller) => refused.push(caller)
  await serve(listener, (connection) => newServer().connect(connection))
  onTestFinished(() => listener.close())
  const own = await freePort()
  const config = readFileSync(new URL('../nginx/proxy.conf', import.meta.url), 'utf8')
  const port = new URL(listener.address ?? '').port
  await runNginx(
    config.replace('127.0.0.1:80;', `127.0.0.1:${own};`).replace('127.0.0.1:8080', `127.0.0.1:${port}`),
    own,
  )

  const statusFrom = async (localAddress: string): Promise<number | undefined> => {
    const headers = {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'x-forwarded-for': '127.0.0.9',
    }
    const sent = request({
      port: own,
      host: '127.0.0.1',
      localAddress,
      path: '/mcp',
      method: 'POST',
      headers,
    })
    const clientInfo = { name: 'demo', version: '1' }
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
    sent.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }
  expect(await statusFrom('127.0.0.9')).toBe(200)
  expect(await statusFrom('127.0.0.10')).toBe(403)
  expect(refused).toMatchObject([{ address: expect.stringContaining('127.0.0.10') }])
})
