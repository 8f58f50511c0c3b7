import { serve, systemClock, type Transport } from '@mcpwire/core'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { onTestFinished, vi } from 'vitest'
import { httpClient } from '../../src/index.js'
import { type HttpServerOptions, httpServer } from '../../src/node/index.js'
import { nginxBefore } from './nginx.js'

/** What was seen of a request and of the stream beside it, both idle for a while behind an nginx. */
export interface SeenBehindNginx {
  /** The idle time of both, in milliseconds. */
  readonly quietMs: number
  /** How long a progress notification took while the response was still due, in milliseconds. */
  readonly progressAfterMs: number
  /** How long a message on the stream beside it took after the silence, in milliseconds. */
  readonly loggedAfterMs: number
  /** What the request was answered with. */
  readonly answer: unknown
  /** How often the stream beside it was asked for. */
  readonly streamsOpened: number
  readonly errors: readonly Error[]
}

/** Keeps a request and a stream idle for that long behind an nginx with an idle timeout. */
export async function idleBehindNginx(
  idleCutSeconds: number,
  quietMs: number,
  options: Partial<HttpServerOptions> = {},
): Promise<SeenBehindNginx> {
  let streamsOpened = 0
  let notifiedAt = 0
  let finish: () => void = () => {}
  let connection: Transport | undefined
  const listener = await serve(
    httpServer({
      port: 0,
      gate: {
        admit: ({ headers }) => {
          if (headers['accept'] === 'text/event-stream') streamsOpened++
          return { admit: true }
        },
      },
      ...options,
    }),
    async (caller) => {
      connection = caller
      const server = new McpServer({ name: 'behind', version: '1.0.0' }, { capabilities: { logging: {} } })
      server.registerTool('slow', {}, async ({ sendNotification, _meta }) => {
        notifiedAt = systemClock.now()
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
  const port = await nginxBefore(Number(new URL(listener.url).port), idleCutSeconds)

  const transport = httpClient({ url: `http://127.0.0.1:${port}/mcp` })
  const client = new Client({ name: 'before', version: '1.0.0' })
  const errors: Error[] = []
  client.onerror = (error) => void errors.push(error)
  await client.connect(transport)
  onTestFinished(() => client.close())
  await seen(() => streamsOpened === 1)
  let progressAfterMs: number | undefined
  const onprogress = (): void => {
    progressAfterMs = systemClock.now() - notifiedAt
  }
  // The limit is the SDK's, of 60 s.
  const call = client.callTool({ name: 'slow', arguments: {} }, undefined, {
    onprogress,
    timeout: quietMs * 10,
  })
  // Awaited at the end only, and may be lost before.
  call.catch(() => {})
  // The call has not been answered, so that this was not held back until the end of the stream.
  await seen(() => progressAfterMs !== undefined)
  await systemClock.sleep(quietMs)

  let loggedAfterMs: number | undefined
  transport.onmessage = ((before) => (message, context) => {
    if ('method' in message && message.method === 'notifications/message')
      loggedAfterMs = systemClock.now() - notifiedAt
    before?.(message, context)
  })(transport.onmessage)
  notifiedAt = systemClock.now()
  const params = { level: 'info', data: 'still here' }
  await connection?.send({ jsonrpc: '2.0', method: 'notifications/message', params })
  await seen(() => loggedAfterMs !== undefined)
  finish()
  return {
    quietMs,
    progressAfterMs: progressAfterMs ?? Infinity,
    loggedAfterMs: loggedAfterMs ?? Infinity,
    answer: await call,
    streamsOpened,
    errors,
  }
}

async function seen(fact: () => boolean): Promise<void> {
  await vi.waitFor(() => {
    if (!fact()) throw new Error('not yet')
  })
}
