//#region after
import { type Listener, serve } from '@mcpwire/core'
import { httpServer } from '@mcpwire/http/node'
import { newServerV1 } from './new-server.js'

export async function serveSse(): Promise<Listener> {
  const httpSse = { path: '/sse', messagesPath: '/messages' }
  return await serve(httpServer({ port: 0, httpSse }), (connection) => newServerV1().connect(connection))
}
//#endregion
