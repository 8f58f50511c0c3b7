import { parseHeaders, rejectOption } from '@mcpwire/core/authoring'
import type { Preamble } from '@mcpwire/core/node'
import type { EndpointOptions } from './endpoint-provider.js'

/**
 * The preamble that carries the headers on media without headers of their own.
 *
 * @throws TransportError `INVALID_OPTION`
 */
export function preambleOf(headers: EndpointOptions['headers']): Preamble | undefined {
  if (headers === undefined) return undefined
  const parsed = parseHeaders(headers)
  if (typeof parsed === 'string') return rejectOption('headers', parsed)
  return { headers: () => parsed }
}
