import type { EventStore, JsonRpcMessage } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { eventStoreCases } from '../src/describe-event-store.js'
import { describeEventStore, turns } from '../src/index.js'

interface Stored {
  readonly id: string
  readonly streamId: string
  readonly message: JsonRpcMessage
}

interface Flaws {
  readonly nameIds?: (streamId: string, n: number) => string
  readonly isOn?: (event: Stored, streamId: string) => boolean
  readonly storeLate?: boolean
  readonly replayUnknown?: boolean
  readonly replaySame?: boolean
  readonly sendAtOnce?: boolean
  readonly forgetFailures?: boolean
  readonly reverse?: boolean
  readonly strayStream?: boolean
  readonly lossy?: boolean
}

/** The least an event store can be, with flaws where asked for. */
function createStore(flaws: Flaws = {}): EventStore {
  const events: Stored[] = []
  let made = 0
  return {
    storeEvent: async (streamId, message) => {
      const n = made++
      const id = flaws.nameIds?.(streamId, n) ?? `event-${n}`
      if (flaws.storeLate && n % 3 === 0) await turns(2)
      events.push({ id, streamId, message: flaws.lossy ? withoutText(message) : message })
      return id
    },
    getStreamIdForEventId: async (eventId) => {
      const found = events.find(({ id }) => id === eventId)
      return flaws.strayStream ? (found?.streamId ?? 'a') : found?.streamId
    },
    replayEventsAfter: async (lastEventId, { send }) => {
      const index = events.findIndex(({ id }) => id === lastEventId)
      if (index === -1) {
        if (flaws.replayUnknown) return ''
        throw new Error('no such event')
      }
      const { streamId } = events[index] as Stored
      const isOn = flaws.isOn ?? ((event: Stored) => event.streamId === streamId)
      const rest = events.slice(flaws.replaySame ? index : index + 1).filter((event) => isOn(event, streamId))
      if (flaws.reverse) rest.reverse()
      if (flaws.sendAtOnce) await Promise.all(rest.map(({ id, message }) => send(id, message)))
      else {
        for (const { id, message } of rest) {
          const sending = send(id, message)
          await (flaws.forgetFailures ? sending.catch(() => {}) : sending)
        }
      }
      return streamId
    },
  }
}

function withoutText(message: JsonRpcMessage): JsonRpcMessage {
  return JSON.parse(JSON.stringify(message).replace(/[^\u0020-\u007e]/g, '?')) as JsonRpcMessage
}

describeEventStore('a store in memory', () => createStore())

const flawed: Record<string, Flaws> = {
  'names events of two streams alike': { nameIds: (streamId, n) => `${streamId}:${Math.floor(n / 3)}` },
  'mixes up streams whose names resemble each other': {
    isOn: (event, streamId) => event.streamId.startsWith(streamId),
  },
  'stores in the order in which it gets to it': { storeLate: true },
  'replays nothing where it should reject': { replayUnknown: true },
  'replays the last event again': { replaySame: true },
  'sends everything at once': { sendAtOnce: true },
  'does not notice that sending failed': { forgetFailures: true },
  'replays the newest first': { reverse: true },
  'makes up a stream for an unknown event': { strayStream: true },
  'stores ASCII': { lossy: true },
}

for (const [flaw, flaws] of Object.entries(flawed)) {
  test(`the event store suite tells a store that ${flaw}`, async () => {
    const failed: string[] = []
    for (const { title, run } of eventStoreCases) {
      await run(createStore(flaws)).catch(() => failed.push(title))
    }
    expect(failed).not.toEqual([])
  })
}
