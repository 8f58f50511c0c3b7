import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'

/** Calls the tool `greet` at the URL and prints the text of its result. */
export async function greet(url: string): Promise<void> {
  const client = new Client({ name: 'demo', version: '1.0.0' })
  await client.connect(httpClient({ url }))
  const { content } = (await client.callTool({ name: 'greet' })) as { content: { text: string }[] }
  console.log(content[0]?.text)
  await client.close()
}
