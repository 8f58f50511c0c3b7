import type { Transport } from '@mcpwire/core'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { fromJsonSchema, McpServer as McpServerV2 } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

/** Connects a server of one SDK line to a transport. */
export type Accept = (transport: Transport) => unknown

const info = { name: 'interop', version: '1.0.0' }
const PROMPT = {
  messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'A colour?' } }],
  maxTokens: 10,
}

function result(
  text: string,
  isError = false,
): { content: { type: 'text'; text: string }[]; isError?: true } {
  return { content: [{ type: 'text', text }], ...(isError && { isError }) }
}

/** A server on `@modelcontextprotocol/sdk`. */
export const acceptV1: Accept = (transport) => {
  const server = new McpServerV1(info)
  server.registerTool('echo', { inputSchema: { message: z.string() } }, ({ message }) => result(message))
  server.registerTool('fail', {}, () => result('it failed', true))
  server.registerTool('progress', { inputSchema: { steps: z.number() } }, async ({ steps }, extra) => {
    const progressToken = extra._meta?.progressToken
    for (let progress = 1; progress <= steps && progressToken !== undefined; progress++)
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress, total: steps },
      })
    return result('done')
  })
  server.registerTool('sample', {}, async (extra) => {
    const answer = await extra.sendRequest(
      { method: 'sampling/createMessage', params: PROMPT },
      z.object({ content: z.object({ text: z.string() }) }).loose(),
    )
    return result(`sampled: ${answer.content.text}`)
  })
  return server.connect(transport)
}

function serverV2(): McpServerV2 {
  const server = new McpServerV2(info)
  const message = fromJsonSchema<{ message: string }>({
    type: 'object',
    properties: { message: { type: 'string' } },
    required: ['message'],
  })
  const steps = fromJsonSchema<{ steps: number }>({
    type: 'object',
    properties: { steps: { type: 'number' } },
    required: ['steps'],
  })
  server.registerTool('echo', { inputSchema: message }, ({ message: text }) => result(text))
  server.registerTool('fail', {}, () => result('it failed', true))
  server.registerTool('progress', { inputSchema: steps }, async ({ steps: total }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    for (let progress = 1; progress <= total && progressToken !== undefined; progress++)
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total } })
    return result('done')
  })
  server.registerTool('sample', {}, async ({ mcpReq }) => {
    const answer = (await mcpReq.send({ method: 'sampling/createMessage', params: PROMPT })) as {
      content: { text?: string }
    }
    return result(`sampled: ${answer.content.text}`)
  })
  return server
}

/** A server on `@modelcontextprotocol/server`, in both eras. */
export const acceptV2: Accept = (transport) =>
  transport.hasPerRequestStream && transport.sessionId !== undefined
    ? serverV2().connect(transport)
    : serveStdio(serverV2, { transport })
