/** The methods of a connected client that the scenarios use. The clients of both SDKs have them. */
export interface Caller {
  listTools(): Promise<{ tools: { name: string; inputSchema: unknown }[] }>
  callTool(call: { name: string; arguments?: Record<string, unknown> }): Promise<unknown>
  close(): Promise<void>
}

/** The client that a scenario needs. */
export interface ConnectSettings {
  /** Whether the client accepts elicitations, with the defaults of the server. */
  readonly acceptsDefaults?: boolean
  /** Goes through OAuth when the server asks for a token. */
  readonly authorizes?: boolean
}

/** Connects a client of one SDK over our transport. */
export type Connect = (url: URL, settings: ConnectSettings) => Promise<Caller>
