import { isTransportError } from '@mcpwire/core'
import { wsClient } from '@mcpwire/ws'
import { Client } from '@modelcontextprotocol/client'

/** The result of a visit. */
export interface Visit {
  readonly sum?: unknown
  readonly closed?: unknown
  readonly error?: string
}

async function visit(url: string, mode: 'legacy' | 'auto', token?: string): Promise<Visit> {
  try {
    const client = new Client({ name: 'page', version: '1.0.0' }, { versionNegotiation: { mode } })
    const transport = wsClient({ url, tokenInSubprotocol: token })
    await client.connect(transport)
    const text = '語'.repeat(100_000)
    const echoed = await client.callTool({ name: 'length', arguments: { text } })
    await client.close()
    return { sum: echoed.content, closed: String(await transport.closed) }
  } catch (error) {
    return { error: isTransportError(error) ? error.code : String(error) }
  }
}

Object.assign(globalThis, { visit, wsClient })
