import type { JsonRpcRequest } from '@mcpwire/core'
import { argumentAt, type ParamHeader, paramText } from './param-headers.js'
import {
  decodeHeaderValue,
  encodeHeaderValue,
  isPlain,
  METHOD_HEADER,
  NAME_HEADER,
  nameParamOf,
  VERSION_HEADER,
  VERSION_KEY,
  wellFormed,
} from './standard-headers.js'

/** The value of a header of the request, by lower-case name. */
export type HeaderOf = (name: string) => string | undefined

/** A fault of a mirrored header: a sentence for the client, without the values. */
export interface HeaderFault {
  readonly header: string
  readonly message: string
}

/** The fault of a request without a header for its revision. */
export function versionMissing(headerOf: HeaderOf): HeaderFault | undefined {
  return headerOf(VERSION_HEADER) === undefined ? missing(VERSION_HEADER) : undefined
}

/** The fault of a revision header that differs from the body. */
export function versionFault(request: JsonRpcRequest, headerOf: HeaderOf): HeaderFault | undefined {
  return literalFault(VERSION_HEADER, request.params?._meta?.[VERSION_KEY], headerOf)
}

/** The fault of an `Mcp-Method` or `Mcp-Name` that is missing or differs from the body. */
export function standardFault(request: JsonRpcRequest, headerOf: HeaderOf): HeaderFault | undefined {
  return literalFault(METHOD_HEADER, request.method, headerOf) ?? nameFault(request, headerOf)
}

/** The first fault among the headers that mirror the arguments of a tool call. */
export function paramFault(
  { params }: JsonRpcRequest,
  paramHeaders: readonly ParamHeader[],
  headerOf: HeaderOf,
): HeaderFault | undefined {
  for (const paramHeader of paramHeaders) {
    const value = argumentAt(params?.['arguments'], paramHeader.path)
    const fault = argumentFault(paramHeader, value, headerOf(paramHeader.header))
    if (fault) return fault
  }
  return undefined
}

/** Method and revision are not decoded: they need no encoding, and proxies compare them literally. */
function literalFault(header: string, body: unknown, headerOf: HeaderOf): HeaderFault | undefined {
  const value = headerOf(header)
  if (value === undefined) return missing(header)
  // The fast path.
  if (value === body && isPlain(value)) return undefined
  return typeof body === 'string' && withoutBlanks(value) === encodeHeaderValue(body)
    ? undefined
    : different(header)
}

function nameFault({ method, params }: JsonRpcRequest, headerOf: HeaderOf): HeaderFault | undefined {
  const nameParam = nameParamOf(method)
  if (nameParam === undefined) return undefined
  const name = params?.[nameParam]
  const value = headerOf(NAME_HEADER)
  if (typeof name !== 'string') return value === undefined ? undefined : different(NAME_HEADER)
  if (value === undefined) return missing(NAME_HEADER)
  if (value === name && isPlain(value)) return undefined
  const text = decodeHeaderValue(withoutBlanks(value))
  if (text === undefined) return malformed(NAME_HEADER)
  return text === wellFormed(name) ? undefined : different(NAME_HEADER)
}

function argumentFault(
  { header, type }: ParamHeader,
  argument: unknown,
  value: string | undefined,
): HeaderFault | undefined {
  const expected = paramText(argument)
  if (value === undefined) return expected === undefined ? undefined : missing(header)
  const text = decodeHeaderValue(withoutBlanks(value))
  if (text === undefined) return malformed(header)
  if (text === (expected === undefined ? undefined : wellFormed(expected))) return undefined
  const isSameNumber = type === 'integer' && DECIMAL.test(text) && Number(text) === argument
  return isSameNumber ? undefined : different(header)
}

const DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** The value without blanks around it, which do not belong to it (RFC 9110, section 5.5). */
function withoutBlanks(value: string): string {
  let start = 0
  let end = value.length
  // Without a pattern, whose time would be quadratic in the blanks inside.
  while (start < end && isBlank(value.charCodeAt(start))) start++
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function missing(header: string): HeaderFault {
  return { header, message: `the header ${header} is missing` }
}

function different(header: string): HeaderFault {
  return { header, message: `the header ${header} differs from the body` }
}

function malformed(header: string): HeaderFault {
  return { header, message: `the header ${header} is malformed` }
}
