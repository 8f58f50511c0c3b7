import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request as forward } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { serve, type Transport } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { stdioClient } from '@mcpwire/stdio'
import { tcpClient, tcpServer } from '@mcpwire/tcp'
import { Client } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { expect, onTestFinished, test } from 'vitest'
import { listen } from '../support/listen.js'

/** Calls a tool that never returns, ends the server while the request is pending, and returns the error. */
async function callWhile(
  transport: Transport,
  end: () => void,
  mode: 'legacy' | 'auto' = 'legacy',
): Promise<{ code: unknown; message: string; details: unknown }> {
  const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode } })
  await client.connect(transport)
  onTestFinished(() => client.close())
  const call = client.callTool({ name: 'hang' }, { onprogress: end })
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const { code, message, details } = error as { code: unknown; message: string; details: unknown }
  return { code, message, details }
}

function hangingServer(): McpServer {
  const server = new McpServer({ name: 'hanging', version: '1.0.0' })
  server.registerTool('hang', {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0
    await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } })
    return await new Promise(() => undefined)
  })
  return server
}

/** A server over HTTP that is killed by the call of a tool, before it responds. */
const KILLED_BY_A_CALL = `
  const server = require('node:http').createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    if (request.method !== 'POST') return response.writeHead(405).end()
    const { id, method, params } = JSON.parse(body)
    if (method === 'tools/call') return process.kill(process.pid, 'SIGKILL')
    if (id === undefined) return response.writeHead(202).end()
    const capabilities = { tools: {} }
    const serverInfo = { name: 'x', version: '1' }
    const result =
      method === 'server/discover'
        ? {
            resultType: 'complete',
            supportedVersions: ['2026-07-28'],
            capabilities,
            _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
          }
        : { protocolVersion: params.protocolVersion, capabilities, serverInfo }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
  })
  server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port + '/mcp'))`

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code

test('rejects a pending request over TCP and names the lost connection in closed', async () => {
  const listener = await serve(tcpServer({ port: 0 }), (connection) => hangingServer().connect(connection))
  onTestFinished(() => listener.close())
  const sockets = new Set<Socket>()
  const proxy = createTcpServer((near) => {
    const { port, hostname } = new URL(listener.url)
    const far = connect(Number(port), hostname).on('error', () => undefined)
    sockets.add(near)
    near.on('error', () => undefined).on('close', () => far.destroy())
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  const bound = proxy.address()
  const transport = tcpClient({ port: typeof bound === 'object' ? (bound?.port ?? 0) : 0 })
  const error = await callWhile(transport, () => {
    for (const socket of sockets) socket.resetAndDestroy()
  })
  expect(error.message).toMatch(/closed/i)
  expect(codeOf(await transport.closed)).toBe('PEER_LOST')
})

test('rejects a pending request over stdio and names the exit of the child in closed', async () => {
  const program = `
    require('node:readline').createInterface(process.stdin).on('line', (line) => {
      const { id, method, params } = JSON.parse(line)
      const answer = (message) => console.log(JSON.stringify({ jsonrpc: '2.0', ...message }))
      if (method === 'initialize') {
        const { protocolVersion } = params
        answer({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } } })
      }
      if (method === 'tools/call') process.exit(3)
    })`
  const transport = stdioClient({ command: process.execPath, args: ['-e', program] })
  const error = await callWhile(transport, () => undefined)
  expect(error.message).toMatch(/closed/i)
  expect(codeOf(await transport.closed)).toBe('PROCESS_EXITED')
})

test.each(['legacy', 'auto'] as const)(
  'answers a pending request over HTTP with error -31006 in mode %s',
  async (mode) => {
    const listener = await serve(
      httpServer({ port: 0 }),
      (connection) => void serveStdio(hangingServer, { transport: connection }),
    )
    onTestFinished(() => listener.close())
    const target = new URL(listener.url)
    const { server, url } = await listen((request, response) => {
      const { method, headers, url: path } = request
      const onward = forward(
        { host: target.hostname, port: target.port, path, method, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(response)
        },
      )
      onward.on('error', () => undefined)
      request.pipe(onward)
    })
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const transport = httpClient({ url: `${url}/mcp` })
    const error = await callWhile(transport, () => server.closeAllConnections(), mode)
    expect(error.code).toBe(-31_006)
  },
)

test.each(['legacy', 'auto'] as const)(
  'rejects a request over HTTP with SEND_FAILED in mode %s when the server is killed before the response head',
  async (mode) => {
    const child = spawn(process.execPath, ['-e', KILLED_BY_A_CALL], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    onTestFinished(() => void child.kill('SIGKILL'))
    const [url] = await once(child.stdout.setEncoding('utf8'), 'data')
    const error = await callWhile(httpClient({ url: url.trim() }), () => undefined, mode)
    // The server may have executed the call.
    expect(error).toMatchObject({ code: 'SEND_FAILED', details: { delivery: 'unknown' } })
    expect(await exited).toEqual([null, 'SIGKILL'])
  },
)
