import { until } from '@mcpwire/compliance'
import { systemClock } from '@mcpwire/core'
import type {
  Engine,
  EngineCall,
  EngineRequest,
  EngineSettings,
  ResponseHead,
} from '../../src/engines/engine.js'

const PATIENCE_MS = 10_000

/** What an engine told of one request. */
export interface Recorded {
  readonly call: EngineCall
  /** Each event by its name, in order; `data` once for a row of them. */
  readonly events: string[]
  head?: ResponseHead
  failure?: Error
  delivery?: 'none' | 'unknown'
  bytes: number
  text(): string
  /** Resolves once the call ended or failed. */
  over(): Promise<void>
}

/** Sends a request and records what comes of it. */
export function record(engine: Engine, request: Partial<EngineRequest> & { url: URL }): Recorded {
  const decoder = new TextDecoder()
  let text = ''
  let isSending = true
  const events: string[] = []
  const note = (event: string): void => {
    if (isSending) throw new Error(`${event} within send()`)
    if (event !== 'data' || events.at(-1) !== 'data') events.push(event)
  }
  const recorded: Recorded = {
    events,
    bytes: 0,
    text: () => text,
    over: () => eventually(() => /^(?:end|failed)$/.test(events.at(-1) ?? ''), 'the call is over'),
    call: engine.send(
      { method: 'POST', headers: { 'content-type': 'application/json' }, ...request },
      {
        head: (head) => {
          note('head')
          recorded.head = head
        },
        data: (chunk) => {
          note('data')
          recorded.bytes += chunk.byteLength
          text += decoder.decode(chunk, { stream: true })
        },
        end: () => note('end'),
        failed: (cause, delivery) => {
          note('failed')
          recorded.failure = cause
          recorded.delivery = delivery
        },
      },
    ),
  }
  isSending = false
  return recorded
}

/** Settings of an engine, with the defaults of the client. */
export function engineSettings(settings: Partial<EngineSettings> & { url: URL }): EngineSettings {
  const { origin, pathname } = settings.url
  return {
    address: `${origin}${pathname}`,
    maxSockets: 64,
    connectTimeoutMs: 10_000,
    clock: systemClock,
    ...settings,
  }
}

/** Resolves as soon as the fact is true. */
export function eventually(fact: () => boolean, what: string): Promise<void> {
  return until(fact, what, PATIENCE_MS)
}
