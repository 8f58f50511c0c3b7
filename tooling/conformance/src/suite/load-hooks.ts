import type { LoadHook } from 'node:module'
import { withoutGlobSync } from './glob-sync.js'

/** Runs in the thread of the loader, for every module that the suite loads. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  if (!url.endsWith('/conformance/dist/index.js') || loaded.source === undefined) return loaded
  const source =
    typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source ?? undefined)
  return { ...loaded, source: withoutGlobSync(source) }
}
