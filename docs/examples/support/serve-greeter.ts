import { type Listener, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { newServer } from './new-server.js'

/** A server of every revision on a free port of this host. */
export async function serveGreeter(): Promise<Listener> {
  return await serve(httpServer({ port: 0 }), (transport) => void serveStdio(newServer, { transport }))
}
