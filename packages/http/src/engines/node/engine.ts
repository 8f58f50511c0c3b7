import { rejectOption } from '@mcpwire/core/authoring'
import { afterTurn } from '../../shared/node/turn.js'
import { createCookies } from '../cookies.js'
import { type CreateEngine, type Engine, type EngineSettings, refuseOption } from '../engine.js'
import { webFetchEngine } from '../web-fetch.js'
import { nodeFetchEngine } from './node-fetch.js'
import { createConnector, describeConnectionError } from './socket-connector.js'
import { undiciEngine } from './undici.js'

/** An engine on option `fetch`, on node-fetch for option `agent`, else on undici with sockets of its own. */
export const createEngine: CreateEngine = (settings) => {
  const engine = chooseEngine(settings)
  return settings.cookies ? { ...engine, cookies: createCookies() } : engine
}

function chooseEngine(settings: EngineSettings): Engine {
  const { url, tls, fetch, agent, maxSockets } = settings
  if (tls !== undefined && url.protocol !== 'https:') refuseOption('tls', 'requires an https: URL')
  if (fetch !== undefined) {
    refuseBeside('fetch', settings, ['agent', 'tls', 'proxy'])
    return webFetchEngine({
      fetch,
      maxSockets,
      describeError: describeConnectionError,
      opening: settings,
      afterTurn,
    })
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
    if (settings[option] !== undefined)
      refuseOption(option, `cannot be combined with option "${given}", which makes the connections`)
  }
}
