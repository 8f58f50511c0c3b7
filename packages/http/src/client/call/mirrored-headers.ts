import type { JsonRpcMessage } from '@mcpwire/core'
import type { HeaderRecord } from '@mcpwire/core/authoring'
import type { ParamHeader } from '../../headers/param-headers.js'
import { mirroredHeaders, nameIn, VERSION_KEY } from '../../headers/standard-headers.js'

/** How many sets of headers are kept. A client says the same of its requests, and calls a few tools over and over. */
const MOST_KEPT = 256

/** What was made for messages that name the same method and subject. */
interface Kept {
  readonly version: unknown
  readonly headers: HeaderRecord
}

/** The headers that repeat messages: one and the same object for messages that are repeated alike. */
export class MirroredHeaders {
  readonly #kept = new Map<string, Kept>()

  /** Those for one message. The arguments that headers repeat, if any, are its own. */
  of(message: JsonRpcMessage, params: readonly ParamHeader[]): HeaderRecord {
    if (!('method' in message) || params.length > 0) return mirroredHeaders(message, params)
    const version = message.params?._meta?.[VERSION_KEY]
    const name = nameIn(message)
    // An empty name is one, too, and no method that has a name has a line break.
    const key = name === undefined ? message.method : `${message.method}\n${name}`
    const kept = this.#kept.get(key)
    if (kept && kept.version === version) return kept.headers
    const headers = mirroredHeaders(message)
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear()
    this.#kept.set(key, { version, headers })
    return headers
  }
}
