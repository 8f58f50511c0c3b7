import type { Clock } from '@mcpwire/core'
import type { EventStream } from './http-exchange.js'

/** How long the end of a stream may take. */
export interface EndLimit {
  readonly clock: Clock
  readonly closeTimeoutMs: number
}

/** A little less than the transport around it waits. */
const PART_OF_CLOSE = 3 / 4

/** Ends a stream properly, or cuts it off where its client does not read the rest in time. Never rejects. */
export function endWithin(stream: EventStream, { clock, closeTimeoutMs }: EndLimit): Promise<void> {
  return new Promise((resolve) => {
    const late = clock.deadline(closeTimeoutMs * PART_OF_CLOSE, () => {
      stream.destroy()
      resolve()
    })
    void stream.end().then(() => {
      late[Symbol.dispose]()
      resolve()
    })
  })
}

/** The same for what ends with every request: only a client that is behind is waited for with a deadline. */
export function endSoon(stream: EventStream, limit: EndLimit): Promise<void> {
  return stream.isBlocked ? endWithin(stream, limit) : stream.end()
}
