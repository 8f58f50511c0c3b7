import { oneConnection, openSession, post } from './raw-http.js'
import { openStream } from './raw-streams.js'
import { callText, type Target } from './targets.js'

/** A client that sends one request at a time and reads everything. */
export interface Caller {
  /** Resolves with the text of the response, or rejects where it is no result. */
  call(name: string, args?: object): Promise<string>
  close(): Promise<void>
}

/** Opens a client without an SDK. */
export async function openCaller(target: Target, name: string): Promise<Caller> {
  return target.wire === 'http' ? await openHttp(target, name) : await openLines(target, name)
}

async function openHttp(target: Target, caller: string): Promise<Caller> {
  const agent = oneConnection()
  const sessionId = target.era === 'session' ? await openSession(target, caller, agent) : undefined
  return {
    call: async (name, args) => {
      const { status, text } = await post(target, caller, callText(target.era, name, args), {
        agent,
        sessionId,
      })
      if (status !== 200) throw new Error(`status ${status}: ${text.slice(0, 200)}`)
      return resultIn(text)
    },
    close: async () => {
      if (sessionId !== undefined) await post(target, caller, '', { agent, sessionId, method: 'DELETE' })
      agent.destroy()
    },
  }
}

async function openLines(target: Target, caller: string): Promise<Caller> {
  const stream = await openStream(target, caller)
  const pending = new Map<number, { resolve(text: string): void; reject(error: Error): void }>()
  stream.onmessage = (text) => {
    const id = Number(/"id":(\d+)/.exec(text)?.[1])
    const waiting = pending.get(id)
    pending.delete(id)
    waiting?.resolve(text)
  }
  stream.socket.once('close', () => {
    for (const { reject } of pending.values()) reject(new Error('the connection was closed'))
    pending.clear()
  })
  return {
    call: async (name, args) => {
      const request = callText(target.era, name, args)
      const id = Number(/"id":(\d+)/.exec(request)?.[1])
      const answer = new Promise<string>((resolve, reject) => pending.set(id, { resolve, reject }))
      if (stream.socket.destroyed) throw new Error('the connection was closed before the request')
      stream.send(request)
      return resultIn(await answer)
    },
    close: () => {
      stream.socket.end()
      return Promise.resolve()
    },
  }
}

function resultIn(text: string): string {
  if (!text.includes('"result":')) throw new Error(`no result: ${text.slice(0, 200)}`)
  return text
}
