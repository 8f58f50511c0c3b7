import { createByteBudget, isTransportError } from '@mcpwire/core'
import { expect } from 'vitest'
import { clause, type ListenerCase, type RecordedListener } from '../listener-fixture.js'
import type { HeldBytes } from '../listener-subject.js'
import { createSendLog } from '../recording.js'
import { BURST_MESSAGES, count, notification, occupy, request, response } from '../sample-messages.js'
import { turns } from '../waiting.js'

const MAX_TOTAL_BYTES = 8_388_608
/** Buffers may be twice as long as their content: the large one and one small one are within the limit. */
const LARGE_BYTES = 3_000_000
const SMALL_BYTES = 500_000
/** More than the limit allows. */
const MAX_CALLERS = 20
/** Framing is not counted, or more of it. */
const MOST = 0.9

/** What the connections of one listener share: memory and time. */
export const sharingCases: readonly ListenerCase[] = [
  clause(
    'C9',
    'ends the caller that holds the most beyond maxTotalBytes, and serves the others',
    async (fixture) => {
      const budget = createByteBudget({ maxTotalBytes: MAX_TOTAL_BYTES })
      const server = await fixture.listening({ maxTotalBytes: budget })
      const served = await fixture.connectClient(server)
      startConnections(server)
      const ended: string[] = []
      const add = async (name: string, bytes: number): Promise<void> => {
        const before = budget.heldBytes
        const caller = await fixture.hold(server, bytes)
        void caller.ended.then(() => ended.push(name))
        await fixture.until(
          () => ended.length > 0 || budget.heldBytes >= before + bytes * MOST,
          'the listener counts the bytes that it holds',
        )
      }
      await add('large', LARGE_BYTES)
      for (let callers = 0; ended.length === 0 && callers < MAX_CALLERS; callers++)
        await add('small', SMALL_BYTES)
      await turns()
      expect(ended, 'callers that were ended').toEqual(['large'])
      expect(budget.heldBytes, 'bytes that the listener holds').toBeLessThanOrEqual(MAX_TOTAL_BYTES)
      served.client.send(request('after it')).catch(() => {})
      await fixture.until(() => served.atConnection.messages.length > 0, 'the request arrived')
      await served.connection.send(response('after it'))
      await fixture.until(() => served.atClient.messages.length > 0, 'the response arrived')
    },
  ),

  clause('C9', 'reports once to onerror that maxTotalBytes was exceeded', async (fixture) => {
    const server = await fixture.listening({ maxTotalBytes: MAX_TOTAL_BYTES })
    startConnections(server)
    let hasEnded = false
    for (let callers = 0; !hasEnded && callers < MAX_CALLERS; callers++) {
      const { ended } = await fixture.hold(server, LARGE_BYTES)
      void ended.then(() => {
        hasEnded = true
      })
      await turns()
    }
    const reports = (): Error[] => server.errors.filter((error) => isTransportError(error, 'OVERLOADED'))
    await fixture.until(() => reports().length > 0, 'OVERLOADED was reported')
    expect(reports(), 'reports of OVERLOADED').toMatchObject([
      { details: { option: 'maxTotalBytes', maxQueuedBytes: MAX_TOTAL_BYTES } },
    ])
  }),

  clause(
    'C9',
    'holds nothing for callers that have disconnected, and nothing after close()',
    async (fixture) => {
      const budget = createByteBudget({ maxTotalBytes: MAX_TOTAL_BYTES })
      const server = await fixture.listening({ maxTotalBytes: budget })
      startConnections(server)
      const holders = async (): Promise<HeldBytes[]> => {
        const callers = [await fixture.hold(server, SMALL_BYTES), await fixture.hold(server, SMALL_BYTES)]
        const expected = callers.length * SMALL_BYTES * MOST
        await fixture.until(() => budget.heldBytes >= expected, 'the listener counts the bytes that it holds')
        return callers
      }
      for (const { disconnect } of await holders()) await disconnect()
      await fixture.until(() => budget.heldBytes === 0, 'the bytes of disconnected callers were released')
      await holders()
      await fixture.within(server.listener.close(), 'close() returned')
      await fixture.until(() => budget.heldBytes === 0, 'all bytes were released')
    },
  ),

  clause('C19', 'answers a client within a long burst of another client', async (fixture) => {
    const server = await fixture.listening()
    const busy = await fixture.connectClient(server)
    const other = await fixture.connectClient(server)
    let handled = 0
    busy.connection.onmessage = () => {
      handled++
      occupy()
    }
    other.connection.onmessage = () => {
      other.connection.send(response('ping')).catch(() => {})
    }
    let handledBefore: number | undefined
    other.client.onmessage = () => {
      handledBefore ??= handled
    }
    const log = createSendLog(busy.client)
    for (const n of count(BURST_MESSAGES)) log.send(notification(n, { fill: 'x'.repeat(500) }))
    other.client.send(request('ping', 'ping')).catch(() => {})
    await fixture.until(() => handledBefore !== undefined, 'the other client got its response')
    expect(handledBefore, 'messages of the burst before the response to the other client').toBeLessThan(
      BURST_MESSAGES - log.failures.length,
    )
  }),
]

/** Starts each connection that the listener yields from now on. */
function startConnections({ listener, connections }: RecordedListener): void {
  listener.onconnection = (connection) => {
    connections.push(connection)
    connection.start().catch(() => {})
  }
}
