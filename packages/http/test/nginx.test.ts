import { serve, systemClock, type Transport } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { expect, onTestFinished, test, vi } from 'vitest'
import { missing, nginxProgram } from '../../../tooling/system-packages.js'
import { httpClient } from '../src/index.js'
import { httpServer } from '../src/node/index.js'
import { nginxBefore } from './support/nginx.js'

const TIMEOUT_MS = 300_000
const IDLE_CUT_SECONDS = 2
const KEEP_ALIVE_MS = 400

test('behind nginx, what is idle stays alive and events arrive at once [HTTP-S-29, HTTP-S-30]', {
  timeout: TIMEOUT_MS,
}, async ({ skip }) => {
  const why = missing(nginxProgram)
  if (why !== undefined) skip(why)
  let finish: () => void = () => {}
  let callStarted = 0
  let connection: Transport | undefined
  let streamsOpened = 0
  const listener = await serve(
    httpServer({
      port: 0,
      keepAliveIntervalMs: KEEP_ALIVE_MS,
      gate: {
        admit: ({ headers }) => {
          if (headers['accept'] === 'text/event-stream') streamsOpened++
          return { admit: true }
        },
      },
    }),
    async (caller) => {
      connection = caller
      const server = new McpServer({ name: 'behind', version: '1.0.0' }, { capabilities: { logging: {} } })
      server.registerTool('slow', {}, async ({ sendNotification, _meta }) => {
        callStarted = systemClock.now()
        const progressToken = _meta?.progressToken ?? 'none'
        await sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        return { content: [{ type: 'text', text: 'done' }] }
      })
      await server.connect(caller)
    },
  )
  onTestFinished(() => listener.close())
  const port = await nginxBefore(Number(new URL(listener.address ?? '').port), IDLE_CUT_SECONDS)

  const transport = httpClient({ url: `http://127.0.0.1:${port}/mcp` })
  const client = new Client({ name: 'before', version: '1.0.0' })
  const errors: Error[] = []
  client.onerror = (error) => void errors.push(error)
  await client.connect(transport)
  onTestFinished(() => client.close())
  await vi.waitFor(() => expect(streamsOpened).toBe(1))
  const heard: number[] = []
  const call = client.callTool({ name: 'slow', arguments: {} }, undefined, {
    onprogress: ({ progress }) => void heard.push(progress),
  })
  // The call has not been answered, so that this was not held back until the end of the stream.
  await vi.waitFor(() => expect(heard).toEqual([1]), { timeout: 10_000 })
  const quietMs = IDLE_CUT_SECONDS * 1_000 * 2
  await vi.waitFor(() => expect(systemClock.now() - callStarted).toBeGreaterThan(quietMs), {
    timeout: quietMs * 10,
    interval: 100,
  })
  const logged = new Promise((resolve) => {
    transport.onmessage = ((before) => (message, context) => {
      if ('method' in message && message.method === 'notifications/message') resolve(message.params)
      before?.(message, context)
    })(transport.onmessage)
  })
  await connection?.send({
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { level: 'info', data: 'still here' },
  })
  expect(await logged).toEqual({ level: 'info', data: 'still here' })
  finish()
  expect(await call).toMatchObject({ content: [{ type: 'text', text: 'done' }] })
  expect(streamsOpened).toBe(1)
  expect(errors).toEqual([])
})
