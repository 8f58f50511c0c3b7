import type { Transport } from '@mcpwire/core'
import { type HttpAuth, httpClient } from '@mcpwire/http'

/** Our transport to the suite's server. */
export function overHttp(url: URL, auth: HttpAuth | undefined): Transport {
  return httpClient({ url, auth })
}
