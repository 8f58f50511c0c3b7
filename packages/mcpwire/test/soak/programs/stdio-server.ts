// A server of the tools of the soaks on standard input and output. It imports little: bridges start many of them.
import { stdioServer } from '@mcpwire/stdio'
import { serveTools } from '../support/tool-server.js'

await serveTools(stdioServer())
