import { appendFileSync } from 'node:fs'
import { isRequest, type JsonRpcMessage, type Transport } from '@mcpwire/core'

type Params = Readonly<Record<string, unknown>>

const serverInfo = { name: 'soak', version: '1' }

/** Kept, so that the tool itself takes no time. */
let bigText = ''

const tools: Readonly<Record<string, (args: Params) => string | Promise<string>>> = {
  echo: () => 'echo',
  pid: () => String(process.pid),
  big: ({ bytes }) => {
    bigText = bigText.length === bytes ? bigText : 'x'.repeat(Number(bytes))
    return bigText
  },
  slow: ({ ms }) => new Promise((resolve) => setTimeout(() => resolve('slow'), Number(ms))),
  hang: () => new Promise(() => {}),
  // One write with O_APPEND: a line is complete or missing, also when this process is killed.
  run: async ({ key, ms }) => {
    appendFileSync(process.env['SOAK_LEDGER'] ?? '/dev/null', `${String(key)}\n`)
    await new Promise((resolve) => setTimeout(resolve, Number(ms)))
    return String(key)
  },
}

/** Serves the tools of the soaks to one client, in each era. */
export async function serveTools(transport: Transport): Promise<void> {
  transport.onmessage = (message) => {
    if (!isRequest(message)) return
    const { id, method, params = {} } = message
    void resultOf(method, params).then((result) => {
      const response: JsonRpcMessage = result
        ? { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } }
        : { jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } }
      transport.send(response).catch(() => {})
    })
  }
  await transport.start()
}

async function resultOf(method: string, params: Params): Promise<Record<string, unknown> | undefined> {
  const capabilities = { tools: {} }
  switch (method) {
    case 'initialize':
      return { protocolVersion: params['protocolVersion'], capabilities, serverInfo }
    case 'server/discover':
      return {
        supportedVersions: ['2026-07-28'],
        capabilities,
        ttlMs: 0,
        cacheScope: 'private',
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      }
    case 'ping':
      return {}
    case 'tools/list':
      return { tools: [], ttlMs: 0, cacheScope: 'private' }
    case 'tools/call': {
      const tool = tools[String(params['name'])]
      if (!tool) return undefined
      const text = await tool((params['arguments'] ?? {}) as Params)
      return { content: [{ type: 'text', text }] }
    }
    default:
      return undefined
  }
}
