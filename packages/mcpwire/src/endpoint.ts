import { type Transport, TransportError } from '@mcpwire/core'
import type { Endpoint, EndpointOptions, Wire } from './wire.js'

/** The wires by the scheme of their URLs, loaded when used. Another one is a file in `endpoints/` and a line here. */
const wires: ReadonlyMap<string, () => Promise<Wire>> = new Map([
  ['stdio:', () => import('./endpoints/stdio.js')],
])

/** A scheme has more than one letter: `C:\server.exe` is a path. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i

/**
 * The transport to a server that is named by where it is: a list is a command with its arguments, whose process
 * speaks over its standard streams; a string is a URL. Opens nothing until `start()`, and loads only the wire it
 * takes. This version knows commands, and no URL yet.
 *
 * Rejects with `INVALID_OPTION` where the endpoint or an option cannot work.
 */
export async function endpoint(target: Endpoint, options: EndpointOptions = {}): Promise<Transport> {
  const scheme = typeof target === 'string' ? schemeOf(target) : 'stdio:'
  const load = scheme === undefined ? undefined : wires.get(scheme)
  if (!load) throw unknownEndpoint(target, scheme)
  const wire = await load()
  return wire.connectTo(target, options)
}

/** The scheme of a URL, in lower case and with its colon; undefined for what is no URL. */
export function schemeOf(target: string): string | undefined {
  return SCHEME.exec(target)?.[0].toLowerCase()
}

function unknownEndpoint(target: Endpoint, scheme: string | undefined): TransportError {
  const what = scheme === undefined ? `no URL: "${target}"` : `unknown scheme "${scheme}"`
  const message = `${what}; known: ${[...wires.keys()].join(', ')} (which takes a command instead of a URL)`
  return new TransportError('INVALID_OPTION', message, { option: 'endpoint', received: target })
}
