/** What the scenarios need of a connected client; the clients of both SDKs have it. */
export interface Caller {
  listTools(): Promise<{ tools: { name: string; inputSchema: unknown }[] }>
  callTool(call: { name: string; arguments?: Record<string, unknown> }): Promise<unknown>
  close(): Promise<void>
}

/** How a scenario wants its client. */
export interface ConnectSettings {
  /** Has the client accept what the server asks of the user, with the defaults the server names. */
  readonly acceptsDefaults?: boolean
  /** Goes through OAuth when the server asks for a token. */
  readonly authorizes?: boolean
}

/** Connects a client of one SDK over our transport. */
export type Connect = (url: URL, settings: ConnectSettings) => Promise<Caller>
