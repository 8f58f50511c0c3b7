import type { Acceptor } from '@mcpwire/core/authoring'
import type { Endpoint } from './endpoint.js'

/** What makes a listener of an endpoint in somebody else's server: it binds nothing, and closing it leaves that alone. */
export function mountAcceptor(endpoint: Endpoint, address: string, closed: () => void): Acceptor {
  return {
    bindsBeyondThisHost: false,
    listen: async (door) => {
      endpoint.open(door)
      return { address, close: async () => endpoint.close(closed) }
    },
  }
}
