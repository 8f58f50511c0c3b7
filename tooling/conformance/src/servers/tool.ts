import type { Content } from './content.js'

/** A JSON Schema, as the suite wants to see it in `tools/list`. */
export type JsonSchema = { readonly [key: string]: unknown }

/** What a tool returns. */
export interface ToolResult {
  [key: string]: unknown
  content: Content[]
  isError?: boolean
}

/** One call of a tool, independent of the SDK. */
export interface ToolCall {
  readonly args: Readonly<Record<string, unknown>>
  readonly progressToken: string | number | undefined
  /** Sends a notification on the stream of this call. */
  readonly notify: (method: string, params: Record<string, unknown>) => Promise<void>
  /** Asks the client something on the stream of this call. */
  readonly ask: (
    method: 'sampling/createMessage' | 'elicitation/create',
    params: Record<string, unknown>,
  ) => Promise<Record<string, unknown>>
  /** Ends the stream of this call, so that the client has to come back for the result. */
  readonly closeStream: () => void
}

/** A tool that works the same on both SDKs. */
export interface Tool {
  readonly name: string
  readonly description: string
  /** Without one, the tool takes no arguments and may be called without any. */
  readonly inputSchema?: JsonSchema
  readonly run: (call: ToolCall) => ToolResult | Promise<ToolResult>
}
