//#region page
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'

export async function toolNames(url: string, token: () => Promise<string>): Promise<string[]> {
  const client = new Client({ name: 'page', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(httpClient({ url, auth: { token } }))
  const { tools } = await client.listTools()
  await client.close()
  return tools.map(({ name }) => name)
}
//#endregion
