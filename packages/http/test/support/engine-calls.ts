import { until } from '@mcpwire/compliance'
import { systemClock } from '@mcpwire/core'
import type {
  Engine,
  EngineCall,
  EngineRequest,
  EngineSettings,
  ResponseHead,
} from '../../src/engines/engine.js'

const TIMEOUT_MS = 30_000

/** The events of one request. */
export interface Recorded {
  readonly call: EngineCall
  /** The names of the events in order; consecutive `data` count once. */
  readonly events: string[]
  head?: ResponseHead
  failure?: Error
  delivery?: 'none' | 'unknown'
  bytes: number
  text(): string
  /** Resolves once the call ended or failed. */
  over(): Promise<void>
}

/** Sends a request and records its events. */
export function record(engine: Engine, request: Partial<EngineRequest> & { url: URL }): Recorded {
  const decoder = new TextDecoder()
  let text = ''
  let isSending = true
  const events: string[] = []
  const add = (event: string): void => {
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
          add('head')
          recorded.head = head
        },
        data: (chunk) => {
          add('data')
          recorded.bytes += chunk.byteLength
          text += decoder.decode(chunk, { stream: true })
        },
        end: () => add('end'),
        failed: (cause, delivery) => {
          add('failed')
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
    cookies: false,
    connectTimeoutMs: 10_000,
    clock: systemClock,
    ...settings,
  }
}

/** Resolves as soon as the fact is true. */
export function eventually(fact: () => boolean, what: string): Promise<void> {
  return until(fact, what, TIMEOUT_MS)
}
