import type { Clock } from '@mcpwire/core'
import type { HttpTlsOptions } from '../shared/tls-options.js'
import type { Engine } from './engine.js'

/** Any function that works as the platform's `fetch` does. */
export type Fetch = typeof globalThis.fetch

/** What the engine of a client is made from: options of the client, with their defaults. */
export interface EngineSettings {
  /** The server. Every request of the engine goes to its origin. */
  readonly url: URL
  /** What to call the server in errors: the URL without its query, which may hold a secret. */
  readonly address: string
  readonly fetch?: Fetch | undefined
  /** An `http.Agent` or `https.Agent` of Node. */
  readonly agent?: object | undefined
  readonly tls?: HttpTlsOptions | undefined
  readonly proxy?: 'environment' | string | URL | undefined
  readonly maxSockets: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/** Chooses the engine. Throws `INVALID_OPTION` for what the platform cannot do, and for what contradicts itself. */
export type CreateEngine = (settings: EngineSettings) => Engine
