/** An MCP server under test, and how its callers reach it. */
export interface Target {
  readonly wire: 'http' | 'ws' | 'tcp' | 'unix'
  /** `modern` is revision 2026-07-28, which has no sessions. */
  readonly era: 'session' | 'modern'
  readonly url: string
  /** Whether a bridge with a child process for each session serves it. */
  readonly isBridge: boolean
  /** Whether its gate names the caller by the bearer token. */
  readonly isNamed: boolean
  /** The longest message that it accepts, in bytes. */
  readonly maxMessageBytes: number
}

/** The revision of the era. */
const REVISIONS = { session: '2025-11-25', modern: '2026-07-28' } as const

let lastId = 0

/** A request of the era as JSON. `extra` is JSON that becomes the argument `x`. */
export function requestText(era: Target['era'], method: string, params: object = {}, extra?: string): string {
  const _meta = era === 'modern' ? { _meta: metaOf() } : {}
  const text = JSON.stringify({ jsonrpc: '2.0', id: ++lastId, method, params: { ...params, ..._meta } })
  return extra === undefined ? text : text.replace(/"arguments":\{\}/, () => `"arguments":{"x":${extra}}`)
}

/** The call of a tool as JSON. */
export function callText(era: Target['era'], name: string, args: object = {}, extra?: string): string {
  return requestText(era, 'tools/call', { name, arguments: args }, extra)
}

/** The request that opens a session. */
export function initializeText(): string {
  return requestText('session', 'initialize', {
    protocolVersion: REVISIONS.session,
    capabilities: {},
    clientInfo: { name: 'soak', version: '1' },
  })
}

/** A notification of the era, with a text of that many bytes. */
export function notificationText(era: Target['era'], bytes: number): string {
  const _meta = era === 'modern' ? { _meta: metaOf() } : {}
  const params = { progressToken: 'none', progress: 1, message: 'x'.repeat(bytes), ..._meta }
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })
}

function metaOf(): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': REVISIONS.modern,
    'io.modelcontextprotocol/clientInfo': { name: 'soak', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
}

/** The headers of an HTTP POST of the message. */
export function postHeaders(
  { era, url }: Target,
  caller: string,
  text: string,
  sessionId?: string,
): Record<string, string> {
  const start = text.slice(0, 400)
  const method = /"method":"([^"]+)"/.exec(start)?.[1] ?? ''
  const name = /"params":\{"name":"([^"]+)"/.exec(start)?.[1]
  return {
    host: new URL(url).host,
    authorization: `Bearer ${caller}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(method !== 'initialize' && { 'mcp-protocol-version': REVISIONS[era] }),
    ...(era === 'modern' && { 'mcp-method': method, ...(name !== undefined && { 'mcp-name': name }) }),
    ...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
  }
}
