import type { Clock } from '@mcpwire/core'

/** The function for HTTP requests, as the global `fetch`. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>

/** The limits of one request. */
export interface FetchLimits {
  readonly fetch?: Fetch | undefined
  readonly clock: Clock
  readonly timeoutMs: number
  readonly maxBytes: number
}

/**
 * Fetches a JSON object. Follows no redirects, and reads at most `maxBytes`. Rejects for any status but 200, with the
 * status and without the body, which may quote a token.
 */
export async function fetchJson(
  url: string,
  limits: FetchLimits,
  init: RequestInit = {},
): Promise<Record<string, unknown>> {
  const { clock, timeoutMs } = limits
  const timeout = new AbortController()
  const deadline = clock.deadline(timeoutMs, () =>
    timeout.abort(new Error(`${hostOf(url)} did not respond within timeoutMs (${timeoutMs} ms)`)),
  )
  try {
    return await fetchWithin(url, limits, { ...init, signal: timeout.signal })
  } finally {
    deadline[Symbol.dispose]()
  }
}

async function fetchWithin(
  url: string,
  { fetch: request = fetch, maxBytes }: FetchLimits,
  init: RequestInit,
): Promise<Record<string, unknown>> {
  const response = await request(url, { ...init, redirect: 'error' })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${hostOf(url)} responded with status ${response.status}`)
  }
  const value = parse(await readText(response, maxBytes, url))
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new Error(`${hostOf(url)} responded without a JSON object`)
}

async function readText(response: Response, maxBytes: number, url: string): Promise<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  let text = ''
  const reader = response.body?.getReader()
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    bytes += part.value.byteLength
    if (bytes > maxBytes) {
      await reader?.cancel()
      throw new Error(`${hostOf(url)} responded with more than ${maxBytes} bytes`)
    }
    text += decoder.decode(part.value, { stream: true })
  }
  return text + decoder.decode()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function hostOf(url: string): string {
  return new URL(url).origin
}
