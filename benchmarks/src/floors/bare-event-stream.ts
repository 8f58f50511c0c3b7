import type { ServerResponse } from 'node:http'
import { isNotification, type JsonRpcMessage, type TransportLike } from '@mcpwire/core'
import { Agent, request } from 'undici'
import { eventOf, listenHttp, readMessage, sendResponse, sessionHeaders, undiciRequest } from './bare-http.js'

/** Listens with `node:http` alone: each notification is written as one event of the last GET. */
export function listenBareEvents(accept: (wire: TransportLike) => Promise<void>): Promise<string> {
  const posts = new Map<unknown, ServerResponse>()
  let stream: ServerResponse | undefined
  const wire: TransportLike = {
    start: async () => {},
    send: async (message) => {
      if (isNotification(message)) stream?.write(eventOf(JSON.stringify(message)))
      else if ('id' in message) {
        const post = posts.get(message.id)
        posts.delete(message.id)
        if (post) sendResponse(post, message, 'json')
      }
    },
    close: async () => {},
  }
  void accept(wire)
  return listenHttp((incoming, response) => {
    if (incoming.method === 'GET') {
      stream = response
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
      response.flushHeaders()
      return
    }
    readMessage(incoming, (message) => {
      if ('id' in message) posts.set(message.id, response)
      wire.onmessage?.(message)
    })
  })
}

/** Parses the events of one stream. Sends by undici's `request`. No limits, no checks. */
export function bareEventClient(url: string): TransportLike {
  const agent = new Agent({ bodyTimeout: 0 })
  const wire = undiciRequest(url, 'json', agent)
  wire.start = async () => {
    const { body } = await request(url, { headers: sessionHeaders, dispatcher: agent })
    let rest = ''
    body.setEncoding('utf8')
    body.on('data', (text: string) => {
      rest += text
      let start = 0
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n', start)) {
        const data = rest.indexOf('data: ', start) + 'data: '.length
        wire.onmessage?.(JSON.parse(rest.slice(data, end)) as JsonRpcMessage)
        start = end + 2
      }
      rest = rest.slice(start)
    })
    body.on('error', () => {})
  }
  wire.close = () => agent.destroy()
  return wire
}
