import { fileURLToPath } from 'node:url'
import { serveGreeter } from '../support/serve-greeter.js'

const listener = await serveGreeter()
const { url } = listener
const command = process.execPath
const args = [...process.execArgv, fileURLToPath(new URL('v2-stdio-server.ts', import.meta.url))]

//#region after
import { httpClient } from '@mcpwire/http'
import { stdioClient } from '@mcpwire/stdio'
import { Client } from '@modelcontextprotocol/client'

const overHttp = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await overHttp.connect(httpClient({ url }))

const overStdio = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await overStdio.connect(stdioClient({ command, args }))
//#endregion
for (const client of [overHttp, overStdio]) {
  console.log((await client.callTool({ name: 'greet' })).content)
  await client.close()
}
await listener.close()
