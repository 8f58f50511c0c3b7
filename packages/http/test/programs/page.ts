import { isTransportError } from '@mcpwire/core'
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'

/** What a page did. */
export interface Visit {
  readonly sum?: unknown
  readonly progress?: readonly number[]
  readonly closed?: unknown
  readonly error?: string
  readonly message?: string
}

async function visit(url: string, mode: 'legacy' | 'auto'): Promise<Visit> {
  try {
    const client = new Client({ name: 'page', version: '1.0.0' }, { versionNegotiation: { mode } })
    const transport = httpClient({ url })
    await client.connect(transport)
    const progress: number[] = []
    const text = '語'.repeat(100_000)
    const echoed = await client.callTool(
      { name: 'length', arguments: { text } },
      { onprogress: (each) => void progress.push(each.progress) },
    )
    await client.close()
    return { sum: echoed.content, progress, closed: String(await transport.closed) }
  } catch (error) {
    const { message } = error as Error
    return { error: isTransportError(error) ? error.code : String(error), message }
  }
}

Object.assign(globalThis, { visit })
