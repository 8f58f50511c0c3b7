import { type CreateEngine, refuseOption } from '../engine.js'
import { webFetchEngine } from '../web-fetch.js'

/** An engine on option `fetch`, else on the platform's own. */
export const createEngine: CreateEngine = (settings) => {
  for (const option of ['agent', 'tls', 'proxy'] as const) {
    if (settings[option] !== undefined)
      refuseOption(option, 'requires Node: the platform makes the connections')
  }
  return webFetchEngine({ ...settings, opening: settings })
}
