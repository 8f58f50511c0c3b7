import type { Transport } from '@mcpwire/core'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'

/** What the demonstration asks of a client: what those of both SDKs can do. */
export interface DemoClient {
  connect(transport: Transport): Promise<void>
  listTools(): Promise<{ tools: readonly { name: string }[] }>
  callTool(call: ToolCall, options?: CallOptions): Promise<unknown>
  close(): Promise<void>
}

/** Which tool to call, and with what. */
interface ToolCall {
  name: string
  arguments: Record<string, unknown>
}

/** How to call a tool. */
interface CallOptions {
  onprogress?: (progress: { progress: number }) => void
  signal?: AbortSignal
}

const info = { name: 'mcpwire-demo', version: '1.0.0' }

/** The clients of both SDKs as they come, by the name of the line. Both are asked for what they can do at most. */
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
