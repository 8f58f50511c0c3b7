import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Refusal } from '@mcpwire/core'
import { printable, toRefusalMessage } from '@mcpwire/core/authoring'

/** What an HTTP answer says instead of switching protocols. */
export interface RefusalAnswer {
  readonly status: number
  readonly reason: string
  readonly retryAfterMs?: number
  readonly challenge?: string
}

/** The most of a body that is read for its reason. */
const MAX_BODY_BYTES = 4096

/** Answers an upgrade that is not to happen, and hangs up. */
export function answerRefusal(socket: Duplex, refusal: Refusal): void {
  const { retryAfterMs, challenge } = refusal
  answer(socket, refusal.status, JSON.stringify(toRefusalMessage(refusal)), {
    'content-type': 'application/json',
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    ...(challenge !== undefined && { 'www-authenticate': challenge }),
  })
}

/** Answers a request that is no upgrade we understand, and hangs up. */
export function answerPlainly(
  socket: Duplex,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answer(socket, status, `${text}\n`, { 'content-type': 'text/plain', ...headers })
}

function answer(socket: Duplex, status: number, body: string, headers: Record<string, string>): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const lines = Object.entries({
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  })
  // A challenge comes from a gate, and could otherwise end the header.
  const head = lines.map(([name, value]) => `${name}: ${value.replace(/[^\x20-\x7e]/g, ' ')}\r\n`).join('')
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`)
}

/** Reads the answer of a server that did not switch protocols. Never rejects. */
export async function parseRefusal(response: IncomingMessage): Promise<RefusalAnswer> {
  const { statusCode: status = 0, headers } = response
  const retryAfter = Number(headers['retry-after'])
  return {
    status,
    reason: reasonIn(await bodyOf(response)) ?? STATUS_CODES[status] ?? 'no reason',
    ...(Number.isFinite(retryAfter) && { retryAfterMs: retryAfter * 1000 }),
    ...(headers['www-authenticate'] !== undefined && { challenge: headers['www-authenticate'] }),
  }
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = ''
  try {
    for await (const chunk of response) {
      body += String(chunk)
      if (body.length > MAX_BODY_BYTES) break
    }
  } catch {
    // What arrived is what there is.
  }
  return body
}

function reasonIn(body: string): string | undefined {
  try {
    const message: unknown = (JSON.parse(body) as { error?: { message?: unknown } } | null)?.error?.message
    return typeof message === 'string' ? printable(message) : undefined
  } catch {
    return undefined
  }
}
