import { type Transport, TransportError } from '@mcpwire/core'
import { invalidOption } from '@mcpwire/core/authoring'
import { stdioClient } from '@mcpwire/stdio'
import type { Endpoint, EndpointOptions } from '../endpoint-provider.js'

/**
 * Creates a transport to a server that runs as a child process.
 *
 * @example
 * ```ts
 * const transport = connectTo(['node', 'server.js'], {})
 * ```
 */
export function connectTo(target: Endpoint, options: EndpointOptions): Transport {
  const [command, ...args] = typeof target === 'string' ? [] : target
  if (command === undefined)
    return invalidOption('endpoint', target, 'a command with its arguments in a list for stdio:')
  const { tls, ...rest } = options
  if (tls !== undefined)
    throw new TransportError('INVALID_OPTION', 'option "tls" does not apply to a child process', {
      option: 'tls',
    })
  return stdioClient({ ...rest, command, args })
}
