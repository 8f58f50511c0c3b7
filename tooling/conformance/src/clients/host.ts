import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { type Order, parseOrder } from './order.js'
import type { Scenario } from './scenarios.js'

/** Runs scenarios on request, each with a client of its own. Prints the port on which it takes requests. */
export function host(scenarioFor: (order: Order) => Scenario | undefined): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // The suite kills a client that takes too long. The failure has no receiver then.
    socket.on('error', () => {})
    void answer(socket, scenarioFor)
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (typeof address === 'object') console.log(address?.port)
  })
}

/** Resolves with an empty text, or with the failure. */
async function answer(socket: Socket, scenarioFor: (order: Order) => Scenario | undefined): Promise<void> {
  let failure = ''
  try {
    const order = parseOrder(await textFrom(socket))
    const scenario = scenarioFor(order)
    if (scenario === undefined) throw new Error(`no scenario ${order.scenario}`)
    await scenario(new URL(order.url))
  } catch (error) {
    failure = inspect(error)
  }
  socket.end(failure)
}

/** `text()` of `node:stream/consumers` would destroy the socket before the response. */
async function textFrom(socket: Socket): Promise<string> {
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += String(chunk)
  })
  await once(socket, 'end')
  return received
}
