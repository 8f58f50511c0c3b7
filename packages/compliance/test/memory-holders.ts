import { type Listener, memoryClient } from '@mcpwire/core'
import type { HeldBytes } from '../src/index.js'
import { notificationOfBytes } from '../src/sample-messages.js'

/** A client that does not read, for which its listener holds a message of that length. */
export async function holdInMemory(listener: Listener, bytes: number): Promise<HeldBytes> {
  const client = memoryClient({ listener })
  await client.start()
  client.flow?.pause()
  const connection = [...listener.connections].at(-1)
  connection?.send(notificationOfBytes(0, bytes)).catch(() => {})
  return { ended: client.closed, disconnect: () => client.close() }
}
