import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from './new-server.js'

serveStdio(newServer)
