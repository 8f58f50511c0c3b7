//#region before
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { newServerV1 } from '../support/new-server.js'

const server = newServerV1()
await server.connect(new StdioServerTransport())
process.on('SIGINT', () => void server.close().then(() => process.exit(0)))
//#endregion
