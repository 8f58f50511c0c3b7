import { afterTurn } from '../../shared/node/turn.js'
import type { Engine } from '../engine.js'
import type { EngineSettings, Fetch } from '../engine-settings.js'
import { webFetchEngine } from '../web-fetch.js'
import { connectingInTime } from './connecting-agent.js'
import { connectTimeout } from './connection-attempt.js'
import { inWords } from './failure-words.js'

/** An engine on node-fetch, whose connections an agent of Node makes. Nothing of it is loaded before it is used. */
export function nodeFetchEngine({ agent: given, maxSockets, ...settings }: EngineSettings): Engine {
  const { address, clock, connectTimeoutMs: timeoutMs } = settings
  const late = (): Error => connectTimeout(address, timeoutMs)
  const agent = connectingInTime(given as object, { clock, timeoutMs, late })
  const fetch = async (url: URL, init: RequestInit): Promise<unknown> => {
    const { default: nodeFetch } = await import('node-fetch')
    // What is given up meanwhile would make the body of its request an error that nobody hears.
    init.signal?.throwIfAborted()
    try {
      // As the other engines, which ask for no compression.
      return await nodeFetch(url, { ...(init as object), agent: agent as never, compress: false })
    } catch (cause) {
      throw (cause as { code?: unknown }).code === 'CONNECT_TIMEOUT' ? late() : withoutUrl(cause)
    }
  }
  return webFetchEngine({ fetch: fetch as Fetch, maxSockets, inWords, afterTurn })
}

/** node-fetch tells the whole URL, whose query may hold a secret. */
function withoutUrl(cause: unknown): unknown {
  const { message, code } = cause as NodeJS.ErrnoException
  const [, reason] = /^request to \S+ failed, reason: ?(.*)$/s.exec(message) ?? []
  return reason === undefined ? cause : Object.assign(new Error(reason), { code })
}
