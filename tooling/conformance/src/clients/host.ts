import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { type Order, parseOrder } from './order.js'
import type { Scenario } from './scenarios.js'

/** Plays whatever scenarios it is asked for, each as one client, and prints the port it is asked on. */
export function host(scenarioFor: (order: Order) => Scenario | undefined): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // The suite ends a client that takes too long; nobody waits for the failure then.
    socket.on('error', () => {})
    void answer(socket, scenarioFor)
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (typeof address === 'object') console.log(address?.port)
  })
}

/** Says nothing when all went well, else what went wrong. */
async function answer(socket: Socket, scenarioFor: (order: Order) => Scenario | undefined): Promise<void> {
  let failure = ''
  try {
    const order = parseOrder(await textFrom(socket))
    const scenario = scenarioFor(order)
    if (scenario === undefined) throw new Error(`there is no scenario ${order.scenario}`)
    await scenario(new URL(order.url))
  } catch (error) {
    failure = inspect(error)
  }
  socket.end(failure)
}

/** Not by `text()` of `node:stream/consumers`, which destroys the socket before it could be answered. */
async function textFrom(socket: Socket): Promise<string> {
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += String(chunk)
  })
  await once(socket, 'end')
  return received
}
