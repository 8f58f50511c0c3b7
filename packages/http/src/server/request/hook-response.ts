import type { HttpHeaders, HttpResponse } from '@mcpwire/core'
import { headerEntries, invalidHeaderReason } from '@mcpwire/core/authoring'
import type { Exchange, HeaderLines } from './http-exchange.js'

const LEAST_STATUS = 200
const MOST_STATUS = 599
/** The statuses whose answers have no body (RFC 9110, section 15). */
const WITHOUT_BODY = new Set([204, 205, 304])

/** Answers as a hook says. Throws, without having answered, where that is no answer HTTP can carry. */
export function answerHook(exchange: Exchange, { status, headers = {}, body }: HttpResponse): void {
  if (!Number.isInteger(status) || status < LEAST_STATUS || status > MOST_STATUS)
    throw new Error(`a hook answered with status ${status}`)
  if (body !== undefined && typeof body !== 'string')
    throw new Error('a hook answered with a body that is no text')
  exchange.answer(status, linesOf(headers), WITHOUT_BODY.has(status) ? undefined : body)
}

/** The headers a hook yields, in turn. Throws, without their values, where HTTP cannot carry them. */
export function linesOf(headers: HttpHeaders): HeaderLines {
  const lines: string[] = []
  for (const [name, value] of headerEntries(headers)) {
    const fault = invalidHeaderReason(name, value)
    if (fault !== undefined) throw new Error(`a hook yields a header that cannot be sent: ${fault}`)
    lines.push(name, value)
  }
  return lines
}
