import { type Transport, TransportError } from '@mcpwire/core'
import { invalidOption } from '@mcpwire/core/authoring'
import { checkCommand, type StdioClientOptions, stdioClient } from '@mcpwire/stdio'
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
  return stdioClient(clientOptions(target, options))
}

/**
 * Checks that the command can be started. Starts nothing.
 *
 * @example
 * ```ts
 * await check(['node', 'server.js'], {})
 * ```
 */
export async function check(target: Endpoint, options: EndpointOptions): Promise<void> {
  await checkCommand(clientOptions(target, options))
}

function clientOptions(target: Endpoint, options: EndpointOptions): StdioClientOptions {
  const [command, ...args] = typeof target === 'string' ? [] : target
  if (command === undefined)
    return invalidOption('endpoint', target, 'a command with its arguments in a list for stdio:')
  const { tls, headers, pingIntervalMs: _unused, ...settings } = options
  for (const [option, value] of Object.entries({ tls, headers }))
    if (value !== undefined)
      throw new TransportError('INVALID_OPTION', `option "${option}" does not apply to a child process`, {
        option,
      })
  return { ...settings, command, args }
}
