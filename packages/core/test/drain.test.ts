import { fakeClock, settled } from '@mcpwire/test-support/fake-clock'
import { cancelled } from '@mcpwire/test-support/messages'
import { describe, expect, it } from 'vitest'
import { memoryClient, memoryListener } from '../src/index.js'
import { request } from './support/messages.js'

describe('a draining listener', () => {
  it('does not wait for a request that its client cancelled', async () => {
    const clock = fakeClock()
    const listener = memoryListener({ clock })
    listener.onconnection = (connection) => void connection.start()
    await listener.start()
    const client = memoryClient({ listener, clock })
    await client.start()
    await client.send(request(1))
    await client.send(cancelled(1))
    await settled()
    // Time does not pass on this clock: a wait for drainMs would never end.
    await listener.close({ drainMs: 60_000 })
    expect(await client.closed).toBeUndefined()
  })
})
