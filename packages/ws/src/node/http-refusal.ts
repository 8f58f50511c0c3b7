import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Refusal } from '@mcpwire/core'
import { printable, toRefusalMessage } from '@mcpwire/core/authoring'

/** The HTTP response of a server that does not switch protocols. */
export interface RefusalResponse {
  readonly status: number
  readonly reason: string
  readonly retryAfterMs?: number
  readonly challenge?: string
}

/** Limit for the body of a refusal. */
const MAX_BODY_BYTES = 4096

/** Refuses an upgrade with a JSON-RPC error, and closes the socket. */
export function sendRefusal(socket: Duplex, refusal: Refusal): void {
  const { retryAfterMs, challenge } = refusal
  sendResponse(socket, refusal.status, JSON.stringify(toRefusalMessage(refusal)), {
    'content-type': 'application/json',
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    ...(challenge !== undefined && { 'www-authenticate': challenge }),
  })
}

/** Refuses an invalid upgrade with a text, and closes the socket. */
export function sendText(
  socket: Duplex,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendResponse(socket, status, `${text}\n`, { 'content-type': 'text/plain', ...headers })
}

function sendResponse(socket: Duplex, status: number, body: string, headers: Record<string, string>): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const lines = Object.entries({
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  })
  // A challenge comes from a gate. A line break in it would end the header.
  const head = lines.map(([name, value]) => `${name}: ${value.replace(/[^\x20-\x7e]/g, ' ')}\r\n`).join('')
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`)
}

/** Reads the response of a server that does not switch protocols. Never rejects. */
export async function readRefusal(response: IncomingMessage): Promise<RefusalResponse> {
  const { statusCode: status = 0, headers } = response
  const retryAfter = Number(headers['retry-after'])
  return {
    status,
    reason: reasonIn(await readBody(response)) ?? STATUS_CODES[status] ?? 'no reason',
    ...(Number.isFinite(retryAfter) && { retryAfterMs: retryAfter * 1000 }),
    ...(headers['www-authenticate'] !== undefined && { challenge: headers['www-authenticate'] }),
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  let body = ''
  try {
    for await (const chunk of response) {
      body += String(chunk)
      if (body.length > MAX_BODY_BYTES) break
    }
  } catch {
    // A partial body is still useful.
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
