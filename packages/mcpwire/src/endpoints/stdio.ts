import type { Transport } from '@mcpwire/core'
import { invalidOption, rejectOption } from '@mcpwire/core/authoring'
import { stdioClient } from '@mcpwire/stdio'
import type { Endpoint, EndpointOptions } from '../wire.js'

/** A transport to a server that runs as a child process. */
export function connectTo(target: Endpoint, options: EndpointOptions): Transport {
  const [command, ...args] = typeof target === 'string' ? [] : target
  if (command === undefined) {
    return invalidOption('endpoint', target, 'a command with its arguments where stdio: carries it')
  }
  const { tls, ...rest } = options
  if (tls !== undefined) rejectOption('tls', 'left out where stdio: carries the conversation')
  return stdioClient({ ...rest, command, args })
}
