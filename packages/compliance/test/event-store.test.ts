import type { EventStore, JsonRpcMessage } from '@mcpwire/core'
import { expect, test } from 'vitest'
import { eventStoreCases } from '../src/describe-event-store.js'
import { describeEventStore, turns } from '../src/index.js'

interface Stored {
  readonly id: string
  readonly streamId: string
  readonly message: JsonRpcMessage
}

interface Defects {
  readonly nameIds?: (streamId: string, n: number) => string
  readonly isOn?: (event: Stored, streamId: string) => boolean
  readonly storeLate?: boolean
  readonly replayUnknown?: boolean
  readonly replaySame?: boolean
  readonly sendConcurrently?: boolean
  readonly ignoreFailures?: boolean
  readonly reverse?: boolean
  readonly inventStream?: boolean
  readonly lossy?: boolean
}

/** A minimal event store with optional defects. */
function createStore(defects: Defects = {}): EventStore {
  const events: Stored[] = []
  let count = 0
  return {
    storeEvent: async (streamId, message) => {
      const n = count++
      const id = defects.nameIds?.(streamId, n) ?? `event-${n}`
      if (defects.storeLate && n % 3 === 0) await turns(2)
      events.push({ id, streamId, message: defects.lossy ? withoutText(message) : message })
      return id
    },
    getStreamIdForEventId: async (eventId) => {
      const found = events.find(({ id }) => id === eventId)
      return defects.inventStream ? (found?.streamId ?? 'a') : found?.streamId
    },
    replayEventsAfter: async (lastEventId, { send }) => {
      const index = events.findIndex(({ id }) => id === lastEventId)
      if (index === -1) {
        if (defects.replayUnknown) return ''
        throw new Error('no such event')
      }
      const { streamId } = events[index] as Stored
      const isOn = defects.isOn ?? ((event: Stored) => event.streamId === streamId)
      const rest = events
        .slice(defects.replaySame ? index : index + 1)
        .filter((event) => isOn(event, streamId))
      if (defects.reverse) rest.reverse()
      if (defects.sendConcurrently) await Promise.all(rest.map(({ id, message }) => send(id, message)))
      else {
        for (const { id, message } of rest) {
          const sending = send(id, message)
          await (defects.ignoreFailures ? sending.catch(() => {}) : sending)
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

const broken: Record<string, Defects> = {
  'reuses event ids': { nameIds: (streamId, n) => `${streamId}:${Math.floor(n / 3)}` },
  'confuses streams with similar names': {
    isOn: (event, streamId) => event.streamId.startsWith(streamId),
  },
  'stores events out of order': { storeLate: true },
  'resolves for an unknown event': { replayUnknown: true },
  'replays the last event again': { replaySame: true },
  'sends events concurrently': { sendConcurrently: true },
  'ignores a failed send': { ignoreFailures: true },
  'replays the newest event first': { reverse: true },
  'returns a stream for an unknown event': { inventStream: true },
  'stores ASCII only': { lossy: true },
}

for (const [defect, defects] of Object.entries(broken)) {
  test(`the event store suite fails for a store that ${defect}`, async () => {
    const failed: string[] = []
    for (const { title, run } of eventStoreCases) {
      await run(createStore(defects)).catch(() => failed.push(title))
    }
    expect(failed).not.toEqual([])
  })
}
