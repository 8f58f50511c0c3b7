//#region team
import { allOf, type Listener, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { hostIn } from '@mcpwire/security'
import { apiKeyFile } from '@mcpwire/security/node'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from '../support/new-server.js'

export function serveTeam(port: number, keys: string): Promise<Listener> {
  const gate = allOf(hostIn(['tools.example']), apiKeyFile(keys, { acceptBearer: true }))
  return serve(httpServer({ port, gate }), (transport) => void serveStdio(newServer, { transport }))
}
//#endregion
