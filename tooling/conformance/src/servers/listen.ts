import { serve, type Transport } from '@mcpwire/core'
import { memoryEventStore } from '@mcpwire/http'
import { type HttpServerOptions, httpServer } from '@mcpwire/http/node'

/** Serves on a port the system gives, prints the URL, and hands on every conversation that begins. */
export async function listen(
  accept: (connection: Transport) => unknown,
  options: Partial<HttpServerOptions> = {},
): Promise<void> {
  const listener = httpServer({ port: 0, eventStore: memoryEventStore(), ...options })
  listener.onerror = (error) => console.error(error)
  await serve(listener, accept)
  console.log(listener.address)
}
