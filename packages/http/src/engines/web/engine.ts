import { rejectOption } from '@mcpwire/core/authoring'
import type { CreateEngine } from '../engine-settings.js'
import { webFetchEngine } from '../web-fetch.js'

/** Carries requests with the `fetch` that was given, else with the platform's own. */
export const createEngine: CreateEngine = (settings) => {
  for (const option of ['agent', 'tls', 'proxy'] as const) {
    if (settings[option] !== undefined)
      rejectOption(option, 'left out where the platform makes the connections')
  }
  return webFetchEngine({ ...settings, opening: settings })
}
