import { rejectOption } from '@mcpwire/core/authoring'
import { afterTurn } from '../../shared/node/turn.js'
import type { CreateEngine, EngineSettings } from '../engine-settings.js'
import { webFetchEngine } from '../web-fetch.js'
import { inWords } from './failure-words.js'
import { nodeFetchEngine } from './node-fetch.js'
import { createConnector } from './socket-connector.js'
import { undiciEngine } from './undici.js'

/**
 * Chooses by the options: the `fetch` that was given, node-fetch for an `agent`, else undici on sockets of our own
 * making.
 */
export const createEngine: CreateEngine = (settings) => {
  const { url, tls, fetch, agent, maxSockets } = settings
  if (tls !== undefined && url.protocol !== 'https:')
    rejectOption('tls', 'left out where the URL is not https:')
  if (fetch !== undefined) {
    refuseBeside('fetch', settings, ['agent', 'tls', 'proxy'])
    return webFetchEngine({ fetch, maxSockets, inWords, opening: settings, afterTurn })
  }
  if (agent !== undefined) {
    refuseBeside('agent', settings, ['tls', 'proxy'])
    if (typeof (agent as { addRequest?: unknown } | null)?.addRequest !== 'function')
      rejectOption('agent', 'an http.Agent or https.Agent')
    return nodeFetchEngine(settings)
  }
  return undiciEngine(settings, createConnector(settings))
}

function refuseBeside(
  given: string,
  settings: EngineSettings,
  options: readonly ('agent' | 'tls' | 'proxy')[],
): void {
  for (const option of options) {
    if (settings[option] !== undefined) rejectOption(option, `left out where ${given} makes the connections`)
  }
}
