import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { httpClient } from '@mcpwire/http'
import { createAuthority } from '@mcpwire/test-support/certificates'
import { temporaryFolder } from '@mcpwire/test-support/folders'
import { runNginx } from '@mcpwire/test-support/nginx'
import { freePort } from '@mcpwire/test-support/ports'
import { Client } from '@modelcontextprotocol/client'
import { onTestFinished } from 'vitest'

/** The region of a file that a guide quotes. */
export function quoted(name: string): string {
  const text = readFileSync(new URL(`../nginx/${name}`, import.meta.url), 'utf8')
  return text.replace(/^#(?:end)?region.*\n/gm, '')
}

/** An nginx with a configuration of a guide. */
export interface Site {
  /** Connects a client of SDK v2 over TLS, and returns its tools. */
  toolNames(headers: Record<string, string>): Promise<string[]>
}

/** Runs nginx with the configuration in the file, in front of the port. */
export async function siteOf(name: string, upstreamPort: number): Promise<Site> {
  const folder = await temporaryFolder()
  const authority = createAuthority('site')
  const { cert, key } = authority.issue({ name: 'tools.example', names: ['tools.example'] })
  writeFileSync(join(folder, 'tools.example.pem'), cert)
  writeFileSync(join(folder, 'tools.example.key'), key, { mode: 0o600 })
  const port = await freePort()
  const configuration = quoted(name)
    .replaceAll('/etc/nginx/', `${folder}/`)
    .replace('listen 443', `listen 127.0.0.1:${port}`)
    .replace('127.0.0.1:8080', `127.0.0.1:${upstreamPort}`)
  await runNginx(configuration, port)
  return {
    toolNames: async (headers) => {
      const client = new Client(
        { name: 'member', version: '1.0.0' },
        { versionNegotiation: { mode: 'auto' } },
      )
      onTestFinished(() => client.close())
      const tls = { ca: authority.cert, serverName: 'tools.example' }
      const url = `https://127.0.0.1:${port}/mcp`
      await client.connect(httpClient({ url, headers: { host: 'tools.example', ...headers }, tls }))
      const { tools } = await client.listTools()
      return tools.map(({ name }) => name)
    },
  }
}
