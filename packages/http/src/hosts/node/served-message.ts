import { type IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** How headers are spelt on the wire, and their names in lower case. */
const names = new Map<string, string>()
/** More than callers of a server have between them. Whoever makes names up has them made anew. */
const MOST_NAMES = 512
const LONGEST_NAME = 64

/**
 * A request whose headers Node does not put together: it makes every name anew, where here it is looked up. For a
 * small request that shows.
 */
export class ServedMessage extends IncomingMessage {
  madeHeaders: IncomingHttpHeaders | undefined
}

Object.defineProperty(ServedMessage.prototype, 'headers', {
  get(this: ServedMessage): IncomingHttpHeaders {
    this.madeHeaders ??=
      headersFrom(this.rawHeaders) ?? Reflect.get(IncomingMessage.prototype, 'headers', this)
    return this.madeHeaders as IncomingHttpHeaders
  },
})

/** The headers by lower-case name. None where one occurs twice, as what that means is for Node to say. */
function headersFrom(rawHeaders: readonly string[]): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = nameOf(rawHeaders[at] as string)
    if (headers[name] !== undefined || name === 'set-cookie') return undefined
    headers[name] = rawHeaders[at + 1] as string
  }
  return headers
}

function nameOf(spelt: string): string {
  const known = names.get(spelt)
  if (known !== undefined) return known
  const name = spelt.toLowerCase()
  if (names.size < MOST_NAMES && spelt.length <= LONGEST_NAME) names.set(spelt, name)
  return name
}
