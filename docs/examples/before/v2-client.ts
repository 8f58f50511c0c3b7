//#region before
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

const overHttp = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await overHttp.connect(new StreamableHTTPClientTransport(new URL('http://127.0.0.1:3000/mcp')))

const overStdio = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
await overStdio.connect(new StdioClientTransport({ command: 'node', args: ['server.js'] }))
//#endregion
