import { serve, type Transport } from '@mcpwire/core'
import { memoryEventStore } from '@mcpwire/http'
import { httpServer } from '@mcpwire/http/node'

/** Serves on a port the system gives, prints the URL, and hands on every conversation that begins. */
export async function listen(accept: (connection: Transport) => unknown): Promise<void> {
  const listener = httpServer({ port: 0, eventStore: memoryEventStore() })
  listener.onerror = (error) => console.error(error)
  await serve(listener, accept)
  console.log(listener.address)
}
