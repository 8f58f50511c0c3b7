import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'
import { openSocket } from './raw-streams.js'
import { initializeText, postHeaders, type Target } from './targets.js'

/** The response to a POST. */
export interface RawResponse {
  readonly status: number
  readonly sessionId: string | undefined
  readonly text: string
}

/** Posts a message, and resolves with the whole response. */
export function post(
  target: Target,
  caller: string,
  text: string,
  { agent, sessionId, method = 'POST' }: { agent?: Agent; sessionId?: string | undefined; method?: string },
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const headers = postHeaders(target, caller, text, sessionId)
    const sent = request(target.url, { method, headers, ...(agent && { agent }) }, (response) => {
      const parts: string[] = []
      response.setEncoding('utf8')
      response.on('data', (part: string) => parts.push(part))
      response.on('error', reject)
      response.on('close', () => {
        if (!response.complete) reject(new Error('the response was cut'))
      })
      response.on('end', () => {
        const id = response.headers['mcp-session-id']
        resolve({
          status: response.statusCode ?? 0,
          sessionId: id as string | undefined,
          text: parts.join(''),
        })
      })
    })
    sent.on('error', reject)
    sent.end(text)
  })
}

/** Opens a session. */
export async function openSession(target: Target, caller: string, agent?: Agent): Promise<string> {
  const options = agent ? { agent } : {}
  const { status, sessionId, text } = await post(target, caller, initializeText(), options)
  if (status !== 200 || sessionId === undefined)
    throw new Error(`initialize: ${status} ${text.slice(0, 200)}`)
  await post(target, caller, '{"jsonrpc":"2.0","method":"notifications/initialized"}', {
    ...options,
    sessionId,
  })
  return sessionId
}

/** An agent with one connection. */
export function oneConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 })
}

/** The bytes of a POST. `length` is the announced length, where it differs. */
export function postText(
  target: Target,
  caller: string,
  text: string,
  sessionId?: string,
  length = Buffer.byteLength(text),
): string {
  const headers = { ...postHeaders(target, caller, text, sessionId), 'content-length': String(length) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return `POST ${new URL(target.url).pathname} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text}`
}

/** Posts a message on a connection of its own, and never reads the response. */
export async function postUnread(
  target: Target,
  caller: string,
  text: string,
  sessionId?: string,
): Promise<Socket> {
  const socket = await openSocket(target)
  socket.pause()
  socket.write(postText(target, caller, text, sessionId))
  return socket
}
