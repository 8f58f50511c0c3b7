const JSON_TYPE = 'application/json'
const EVENTS_TYPE = 'text/event-stream'
/** What clients of MCP send. */
const USUAL_ACCEPT = `${JSON_TYPE}, ${EVENTS_TYPE}`

/** Whether the type of a body is JSON in UTF-8, which is what JSON is without a word about it. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === JSON_TYPE) return true
  if (contentType === undefined || typeOf(contentType) !== JSON_TYPE) return false
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType) ?? []
  return /^(utf-?8|us-ascii)$/i.test(charset)
}

/** Whether a body is as its type says, not compressed or coded otherwise. */
export function isPlainCoding(contentEncoding: string | undefined): boolean {
  return contentEncoding === undefined || contentEncoding.trim().toLowerCase() === 'identity'
}

/** Whether an answer in JSON is acceptable; one without the header accepts anything (RFC 9110, section 12.5.1). */
export function acceptsJson(accept: string | undefined): boolean {
  return accept === undefined || accept === USUAL_ACCEPT || accepts(accept, JSON_TYPE)
}

/** Whether a stream of events is acceptable. */
export function acceptsEvents(accept: string | undefined): boolean {
  return accept === undefined || accept === USUAL_ACCEPT || accepts(accept, EVENTS_TYPE)
}

function accepts(accept: string, type: string): boolean {
  const range = `${type.slice(0, type.indexOf('/'))}/*`
  return accept.split(',').some((item) => {
    const offered = typeOf(item)
    return (
      (offered === type || offered === range || offered === '*/*') && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(item)
    )
  })
}

function typeOf(value: string): string {
  const end = value.indexOf(';')
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase()
}
