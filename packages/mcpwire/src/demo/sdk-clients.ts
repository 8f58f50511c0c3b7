import type { Transport } from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'

/** The methods of the clients of both SDKs that the demo uses. */
export interface DemoClient {
  connect(transport: Transport): Promise<void>
  listTools(): Promise<{ tools: readonly { name: string }[] }>
  callTool(call: ToolCall, options?: CallOptions): Promise<unknown>
  close(): Promise<void>
}

/** A tool and its arguments. */
interface ToolCall {
  name: string
  arguments: Record<string, unknown>
}

/** Options of a tool call. */
interface CallOptions {
  onprogress?: (progress: { progress: number }) => void
  signal?: AbortSignal
}

const info = { name: 'mcpwire-demo', version: '1.0.0' }

/** Creates the unmodified client of each SDK, by its major version, with the newest protocol it supports. */
export const sdkClients: Readonly<Record<string, () => DemoClient>> = {
  v2: () => new ClientV2(info, { versionNegotiation: { mode: 'auto' } }),
  v1: () => {
    const client = new ClientV1(info)
    return {
      connect: (transport) => client.connect(transport),
      listTools: () => client.listTools(),
      callTool: (call, options) => client.callTool(call, undefined, options),
      close: () => client.close(),
    }
  },
}
