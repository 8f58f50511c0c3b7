import { connect, createServer, type Server } from 'node:net'
//#region server
import { serve } from '@mcpwire/core'
import { memoryEventStore } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'
import { newServer } from '../support/counting-server.js'

const listener = await serve(
  httpServer({ port: 0, eventStore: memoryEventStore({ maxAgeMs: 300_000 }) }),
  (connection) => newServer().connect(connection),
)
//#endregion

/** Passes bytes on until `cut()` breaks every connection. */
async function breakableProxy(to: string): Promise<{ url: string; cut: () => void; server: Server }> {
  const target = new URL(to)
  const sockets = new Set<{ destroy(): unknown }>()
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => [near, far].map((each) => each.destroy()))
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const port = typeof bound === 'object' ? bound?.port : 0
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return { url: `http://127.0.0.1:${port}${target.pathname}`, cut, server }
}

const proxy = await breakableProxy(listener.url)
const { url } = proxy

//#region client
import { httpClient } from '@mcpwire/http'
import { Client } from '@modelcontextprotocol/client'

const transport = httpClient({ url, reconnect: { firstDelayMs: 100, maxAttempts: 8 } })
const client = new Client({ name: 'demo', version: '1.0.0' })
await client.connect(transport)
//#endregion
const onprogress = (): void => {
  console.log('cut')
  proxy.cut()
}
console.log('after a cut:', (await client.callTool({ name: 'count' }, { onprogress })).content)
await client.close()

//#region keep
const first = httpClient({ url, endSessionOnClose: false })
const firstClient = new Client({ name: 'demo', version: '1.0.0' })
await firstClient.connect(first)
const saved = { sessionId: first.sessionId, protocolVersion: firstClient.getNegotiatedProtocolVersion() }
await firstClient.close()
//#endregion
console.log('saved', typeof saved.sessionId, saved.protocolVersion)

//#region resume
const second = httpClient({ url, ...saved })
const secondClient = new Client({ name: 'demo', version: '1.0.0' })
await secondClient.connect(second)
//#endregion
console.log('the same session:', second.sessionId === saved.sessionId, listener.connections.size)
console.log((await secondClient.callTool({ name: 'count' })).content)
await secondClient.close()
await listener.close()
proxy.cut()
proxy.server.close()
