import { isRequest, type JsonRpcMessage, type JsonRpcRequest } from '@mcpwire/core'
import { argumentAt, type ParamHeader, paramText } from './param-headers.js'

export const VERSION_HEADER = 'mcp-protocol-version'
export const METHOD_HEADER = 'mcp-method'
export const NAME_HEADER = 'mcp-name'
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'

/** The parameter that `Mcp-Name` mirrors, by method. */
const NAME_PARAMS: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/** The parameter that `Mcp-Name` mirrors, if there is one. */
export function nameParamOf(method: string): string | undefined {
  return Object.hasOwn(NAME_PARAMS, method) ? NAME_PARAMS[method] : undefined
}

/** The value of `Mcp-Name` for a message, if there is one. */
export function nameIn(message: JsonRpcMessage): string | undefined {
  if (!isRequest(message)) return undefined
  const nameParam = nameParamOf(message.method)
  const name = nameParam === undefined ? undefined : message.params?.[nameParam]
  return typeof name === 'string' ? name : undefined
}

/**
 * The headers that mirror a message, by lower-case name: its revision where it names one, its method and name, and the
 * annotated arguments of a tool call (2026-07-28, Streamable HTTP).
 */
export function mirroredHeaders(
  message: JsonRpcMessage,
  params: readonly ParamHeader[] = [],
): Record<string, string> {
  const headers: Record<string, string> = {}
  if (!('method' in message)) return headers
  const version = message.params?._meta?.[VERSION_KEY]
  if (typeof version === 'string') headers[VERSION_HEADER] = encodeHeaderValue(version)
  headers[METHOD_HEADER] = encodeHeaderValue(message.method)
  if (!isRequest(message)) return headers
  const name = nameIn(message)
  if (name !== undefined) headers[NAME_HEADER] = encodeHeaderValue(name)
  if (message.method === 'tools/call') addParams(headers, message, params)
  return headers
}

function addParams(
  headers: Record<string, string>,
  { params }: JsonRpcRequest,
  paramHeaders: readonly ParamHeader[],
): void {
  for (const { header, path } of paramHeaders) {
    const text = paramText(argumentAt(params?.['arguments'], path))
    if (text !== undefined) headers[header] = encodeHeaderValue(text)
  }
}

const PREFIX = '=?base64?'
const SUFFIX = '?='
/** Text that needs no encoding: visible ASCII, with blanks inside only. Some proxies drop tabs. */
const PLAIN = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/
/** The legal values of a header (RFC 9110, section 5.5, without obsolete text). */
const LEGAL = /^[\t\x20-\x7e]*$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * The text as the value of a header: unchanged where a header can carry it, else its UTF-8 in Base64 between markers
 * (2026-07-28, Streamable HTTP, Value Encoding). A lone surrogate becomes U+FFFD.
 */
export function encodeHeaderValue(text: string): string {
  return isPlain(text) ? text : `${PREFIX}${toBase64(text)}${SUFFIX}`
}

/** Whether a header can carry the text unchanged. */
export function isPlain(text: string): boolean {
  return PLAIN.test(text) && !(text.startsWith(PREFIX) && text.endsWith(SUFFIX))
}

/** The text of a header's value, or `undefined` where the value is malformed. */
export function decodeHeaderValue(value: string): string | undefined {
  const isEncoded =
    value.length >= PREFIX.length + SUFFIX.length && value.startsWith(PREFIX) && value.endsWith(SUFFIX)
  if (!isEncoded) return LEGAL.test(value) ? value : undefined
  const base64 = value.slice(PREFIX.length, -SUFFIX.length)
  return BASE64.test(base64) ? fromBase64(base64) : undefined
}

/** The text after a round trip through UTF-8, which replaces lone surrogates. */
export function wellFormed(text: string): string {
  return LONE_SURROGATE.test(text)
    ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(encoder.encode(text))
    : text
}

const LONE_SURROGATE = /\p{Cs}/u
const encoder = new TextEncoder()

function toBase64(text: string): string {
  let binary = ''
  for (const byte of encoder.encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function fromBase64(base64: string): string | undefined {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
