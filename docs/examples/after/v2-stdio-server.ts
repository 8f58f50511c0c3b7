//#region after
import { stdioServer } from '@mcpwire/stdio'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from '../support/new-server.js'

serveStdio(newServer, { transport: stdioServer() })
//#endregion
