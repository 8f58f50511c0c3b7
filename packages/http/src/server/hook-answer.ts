import type { HttpAnswer } from '@mcpwire/core'
import type { Exchange, HeaderLines } from '../exchange.js'

const LEAST_STATUS = 200
const MOST_STATUS = 599
/** The statuses whose answers have no body (RFC 9110, section 15). */
const WITHOUT_BODY = new Set([204, 205, 304])
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Answers as a hook says. Throws, without having answered, where that is no answer HTTP can carry. */
export function answerHook(exchange: Exchange, { status, headers = {}, body }: HttpAnswer): void {
  if (!Number.isInteger(status) || status < LEAST_STATUS || status > MOST_STATUS)
    throw new Error(`a hook answered with status ${status}`)
  if (body !== undefined && typeof body !== 'string')
    throw new Error('a hook answered with a body that is no text')
  exchange.answer(status, linesOf(headers), WITHOUT_BODY.has(status) ? undefined : body)
}

/** The headers a hook yields, in turn. Throws, without their values, where HTTP cannot carry them. */
export function linesOf(headers: Readonly<Record<string, string>>): HeaderLines {
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name) || typeof value !== 'string' || !HEADER_VALUE.test(value))
      throw new Error(`a hook yields a header ${JSON.stringify(name)} that cannot be sent`)
  }
  return Object.entries(headers).flat()
}
