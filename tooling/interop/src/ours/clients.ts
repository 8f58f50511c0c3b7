import type { Transport } from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { ExchangeClient, ToolText } from './exchange.js'

/** The eras that a client may ask for. */
export type EraMode = 'legacy' | 'modern' | 'auto'

const info = { name: 'interop', version: '1.0.0' }
const SAMPLED = {
  model: 'none',
  role: 'assistant' as const,
  content: { type: 'text' as const, text: 'blue' },
}
const PROGRESS_WAIT_MS = 30_000

/** Connects the client of `@modelcontextprotocol/sdk`. */
export async function connectV1(transport: Transport): Promise<ExchangeClient> {
  const client = new ClientV1(info, { capabilities: { sampling: {} } })
  client.setRequestHandler(CreateMessageRequestSchema, () => SAMPLED)
  await client.connect(transport)
  return {
    protocol: undefined,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, onProgress) =>
      textOf(await client.callTool({ name, arguments: args }, undefined, callOptions(onProgress))),
    close: () => client.close(),
  }
}

/** Connects the client of `@modelcontextprotocol/client`. */
export async function connectV2(transport: Transport, era: EraMode): Promise<ExchangeClient> {
  const client = new ClientV2(info, {
    capabilities: { sampling: {} },
    ...(era !== 'legacy' && {
      versionNegotiation: { mode: era === 'auto' ? 'auto' : { pin: '2026-07-28' } },
    }),
  })
  client.setRequestHandler('sampling/createMessage', () => SAMPLED)
  await client.connect(transport)
  return {
    protocol: client.getNegotiatedProtocolVersion(),
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, onProgress) =>
      textOf(await client.callTool({ name, arguments: args }, callOptions(onProgress))),
    close: () => client.close(),
  }
}

function callOptions(onProgress?: (progress: number) => void): {
  timeout: number
  onprogress?: (progress: { progress: number }) => void
} {
  return {
    timeout: PROGRESS_WAIT_MS,
    ...(onProgress && { onprogress: ({ progress }: { progress: number }) => onProgress(progress) }),
  }
}

function textOf(result: unknown): ToolText {
  const { content, isError } = result as { content?: { text?: string }[]; isError?: boolean }
  return { text: content?.[0]?.text ?? '', isError: isError === true }
}
