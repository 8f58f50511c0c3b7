import type { HttpHooks } from '@mcpwire/core'
import {
  callback,
  callbacks,
  normalizeHeaders,
  optional,
  options,
  rejectOption,
} from '@mcpwire/core/authoring'

const table = options<HttpHooks, keyof HttpHooks>({
  preflight: optional(callback()),
  responseHeaders: optional(callback()),
  routes: optional(callbacks('an object with a function for each path')),
})

type Routes = NonNullable<HttpHooks['routes']>

/**
 * Combines hooks of an HTTP server. A preflight gets the first response of them. Each response gets the headers of all;
 * where two set the same header, the first one is used, and the values of `Vary` are united. The server has the routes of
 * all. An error of one is an error of all, and the request then gets status 500.
 *
 * @throws TransportError `INVALID_OPTION` for hooks that are none, and for a path with two routes
 *
 * @example
 * ```ts
 * const hooks = httpHooks(cors({ origins: ['https://app.example.com'] }), securityHeaders(), resource.hooks)
 * ```
 */
export function httpHooks(...given: readonly HttpHooks[]): HttpHooks {
  const all = given.map((each, index) => table.read(each, `hooks[${index}]`))
  return {
    preflight: (handshake) => {
      for (const { preflight } of all) {
        const response = preflight?.(handshake)
        if (response) return response
      }
      return undefined
    },
    responseHeaders: (handshake) => {
      const merged = new Map<string, string>()
      for (const { responseHeaders } of all)
        if (responseHeaders) merge(merged, Object.entries(normalizeHeaders(responseHeaders(handshake))))
      return Object.fromEntries(merged)
    },
    routes: routesOf(all),
  }
}

function merge(merged: Map<string, string>, headers: readonly (readonly [string, string])[]): void {
  for (const [name, value] of headers) {
    const before = merged.get(name)
    if (before === undefined) merged.set(name, value)
    else if (name === 'vary') merged.set(name, unitedVary(before, value))
  }
}

function unitedVary(...values: readonly string[]): string {
  const names = new Map<string, string>()
  for (const name of values.join(',').split(',')) {
    const trimmed = name.trim()
    const key = trimmed.toLowerCase()
    if (trimmed !== '' && !names.has(key)) names.set(key, trimmed)
  }
  return [...names.values()].join(', ')
}

function routesOf(all: readonly { readonly routes?: Routes | undefined }[]): Routes {
  const routes = new Map<string, Routes[string]>()
  for (const [index, hooks] of all.entries())
    for (const [path, route] of Object.entries(hooks.routes ?? {})) {
      if (routes.has(path))
        rejectOption(`hooks[${index}].routes["${path}"]`, 'a path for which no hooks before have a route')
      routes.set(path, route)
    }
  return Object.fromEntries(routes)
}
