import { type CreateEngine, refuseOption } from '../engine.js'
import { describeFetchError } from '../failures.js'
import { webFetchEngine } from '../web-fetch.js'

/** An engine on option `fetch`, else on the platform's own, which keeps the cookies. */
export const createEngine: CreateEngine = (settings) => {
  for (const option of ['agent', 'tls', 'proxy'] as const) {
    if (settings[option] !== undefined)
      refuseOption(option, 'requires Node: the platform makes the connections')
  }
  return webFetchEngine({ ...settings, opening: settings, describeError: describeBlockedFetch })
}

/** A browser rejects with a `TypeError` alone, also where the server does not permit the page (CORS). */
function describeBlockedFetch(failure: unknown): Error {
  const { location } = globalThis as { readonly location?: { readonly origin?: unknown } }
  const origin = location?.origin
  if (!(failure instanceof TypeError) || failure.cause !== undefined || typeof origin !== 'string')
    return describeFetchError(failure)
  const hint = `check that the server is running, and that it permits the origin of this page (CORS): ${origin}`
  return Object.assign(new Error(`the browser gives no reason (${failure.message})`, { cause: failure }), {
    hint,
  })
}
