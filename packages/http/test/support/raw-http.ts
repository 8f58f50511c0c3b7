import { once } from 'node:events'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import type { Socket } from 'node:net'
import { until } from '@mcpwire/compliance'
import { onTestFinished } from 'vitest'

const TIMEOUT_MS = 30_000

/** One HTTP request, in whatever shape. */
export interface RawRequest {
  readonly method?: string
  readonly path?: string
  /** `undefined` omits a default header. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown
}

/** The whole response to a request. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The JSON body, or the data of the events of a stream. */
  readonly messages: unknown[]
}

/** One event as it stood on the wire. */
export interface RawEvent {
  readonly id?: string
  readonly name?: string
  readonly retry?: string
  readonly data?: string
  readonly comment?: string
}

/** A response that is an event stream. */
export interface OpenAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly events: RawEvent[]
  readonly messages: unknown[]
  readonly isOver: boolean
  until(fact: () => boolean, what: string): Promise<void>
  /** Cuts the connection. */
  leave(): void
}

/** Sends HTTP requests to one port, each over a connection of its own. */
export interface RawHttp {
  ask(request: RawRequest): Promise<Answer>
  /** Resolves with the head of the response. */
  open(request: RawRequest): Promise<OpenAnswer>
  /** Cuts every connection. */
  leaveAll(): void
}

const usual = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }

export function rawHttp(port: number): RawHttp {
  const agent = new Agent({ keepAlive: false })
  const sockets = new Set<Socket>()
  const leaveAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(leaveAll)

  async function open({
    method = 'POST',
    path = '/mcp',
    headers = {},
    body,
  }: RawRequest): Promise<OpenAnswer> {
    const given = {
      ...(method === 'POST' && usual),
      ...(method === 'GET' && { accept: usual.accept }),
      ...headers,
    }
    const defined = Object.entries(given).filter(([, value]) => value !== undefined)
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: Object.fromEntries(defined) as Record<string, string>,
      agent,
    })
    outgoing.on('socket', (socket) => sockets.add(socket))
    outgoing.end(
      body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    )
    const [response] = await once(outgoing, 'response')
    let text = ''
    let isOver = false
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.once('close', () => {
      isOver = true
    })
    response.on('error', () => {})
    const isStream = /^text\/event-stream/.test(response.headers['content-type'] ?? '')
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      get events() {
        return eventsIn(text)
      },
      get messages() {
        if (!isStream) return text === '' ? [] : [JSON.parse(text)]
        return eventsIn(text).flatMap(({ data }) => (data ? [JSON.parse(data)] : []))
      },
      get text() {
        return text
      },
      get isOver() {
        return isOver
      },
      until: (fact, what) => until(fact, what, TIMEOUT_MS),
      leave: () => outgoing.destroy(),
    } as OpenAnswer & { text: string }
  }

  return {
    open,
    leaveAll,
    async ask(asked) {
      const answer = (await open(asked)) as OpenAnswer & { text: string }
      await answer.until(() => answer.isOver, 'the answer is complete')
      const { status, headers, text, messages } = answer
      return { status, headers, text, messages }
    },
  }
}

/** The complete events of a text. */
function eventsIn(text: string): RawEvent[] {
  return text.split('\n\n').slice(0, -1).map(eventOf)
}

const NAMES: Readonly<Record<string, keyof RawEvent>> = {
  id: 'id',
  event: 'name',
  retry: 'retry',
  data: 'data',
  '': 'comment',
}

function eventOf(block: string): RawEvent {
  const fields = block.split('\n').map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [NAMES[line.slice(0, colon)] ?? line, line.slice(colon + 1).replace(/^ /, '')]
  })
  return Object.fromEntries(fields)
}
