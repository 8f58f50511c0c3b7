import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { createMultiplexer } from '../src/authoring.js'
import {
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  memoryPair,
  type RequestId,
  type Transport,
} from '../src/index.js'

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'

class Caller {
  readonly name: string
  readonly recorded: JsonRpcMessage[] = []
  constructor(name: string) {
    this.name = name
  }

  answerTo(id: RequestId): JsonRpcMessage | undefined {
    return this.recorded.find((message) => isResponse(message) && message.id === id)
  }
}

function newServer(aborted: () => void): McpServer {
  const server = new McpServer({ name: 'test', version: '1.0.0' })
  server.registerTool('whoami', {}, ({ mcpReq }) => ({
    content: [{ type: 'text', text: JSON.stringify(mcpReq.envelope) }],
  }))
  server.registerTool('count', { inputSchema: z.object({ to: z.number() }) }, async ({ to }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 'none'
    for (let progress = 1; progress <= to; progress++) {
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress } })
    }
    return { content: [] }
  })
  server.registerTool('hang', {}, ({ mcpReq }) => {
    return new Promise((_, reject) => {
      mcpReq.signal.addEventListener('abort', () => {
        aborted()
        reject(new Error('cancelled'))
      })
    })
  })
  server.registerTool('grow', {}, () => {
    server.registerTool('grown', {}, () => ({ content: [] }))
    return { content: [] }
  })
  return server
}

async function served(aborted: () => void = () => {}) {
  const [near, far] = memoryPair()
  const handle = serveStdio(() => newServer(aborted), { transport: far })
  onTestFinished(() => near.close())
  const multiplexer = createMultiplexer<Caller>()
  const unmatched: string[] = []
  near.onmessage = (message) => {
    const step = multiplexer.fromUpstream(message)
    if (step.kind === 'deliver') step.caller.recorded.push(step.message)
    else if (step.kind === 'respond') void near.send(step.message)
    else if (step.reason !== undefined) unmatched.push(step.reason)
  }
  await near.start()
  return {
    multiplexer,
    near,
    far,
    handle,
    unmatched,
    say: (caller: Caller, message: JsonRpcMessage) => say(near, caller, message),
  }

  async function say(transport: Transport, caller: Caller, message: JsonRpcMessage): Promise<void> {
    const step = multiplexer.fromCaller(caller, message)
    if (step.kind === 'send') await transport.send(step.message)
    else if (step.kind === 'respond') caller.recorded.push(step.message)
  }
}

function request(
  caller: Caller,
  id: RequestId,
  method: string,
  params: object = {},
  meta: object = {},
): JsonRpcRequest {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: caller.name, version: '1' },
    'io.modelcontextprotocol/clientCapabilities': { experimental: { [caller.name]: {} } },
    ...meta,
  }
  return { jsonrpc: '2.0', id, method, params: { ...params, _meta } }
}

const call = (
  caller: Caller,
  id: RequestId,
  name: string,
  args: object = {},
  meta: object = {},
): JsonRpcRequest => request(caller, id, 'tools/call', { name, arguments: args }, meta)

describe('two callers of one SDK v2 server', () => {
  test('receive responses for their own client info and capabilities [GEN-18]', async () => {
    const { say } = await served()
    const [a, b] = [new Caller('a'), new Caller('b')]
    for (const id of ['1', 1, '', 0]) {
      for (const caller of [a, b]) {
        await say(caller, call(caller, id, 'whoami'))
        await vi.waitFor(() => expect(caller.answerTo(id)).toBeDefined())
        const text = JSON.stringify(caller.answerTo(id))
        expect(text).toContain(`\\"name\\":\\"${caller.name}\\"`)
        expect(text).toContain(`{\\"${caller.name}\\":{}}`)
      }
    }
  })

  test('receive the progress of their own requests', async () => {
    const { say } = await served()
    const [a, b] = [new Caller('a'), new Caller('b')]
    await say(a, call(a, 1, 'count', { to: 2 }, { progressToken: 'p' }))
    await say(b, call(b, 1, 'count', { to: 3 }, { progressToken: 'p' }))
    await vi.waitFor(() => expect([a.answerTo(1), b.answerTo(1)]).not.toContain(undefined))
    const received = (caller: Caller) =>
      caller.recorded.flatMap((message) => ('method' in message ? [message.params] : []))
    expect(received(a)).toEqual([1, 2].map((progress) => ({ progressToken: 'p', progress })))
    expect(received(b)).toEqual([1, 2, 3].map((progress) => ({ progressToken: 'p', progress })))
  })

  test('receive changes under the id and the filter of their own subscription [SUB-S-02, SUB-S-03, SUB-S-04]', async () => {
    const { say, unmatched } = await served()
    const [a, b] = [new Caller('a'), new Caller('b')]
    for (const id of ['', 0]) {
      await say(a, request(a, id, 'subscriptions/listen', { notifications: { toolsListChanged: true } }))
    }
    await say(b, request(b, 0, 'subscriptions/listen', { notifications: { promptsListChanged: true } }))
    await say(b, call(b, 1, 'grow'))
    await vi.waitFor(() => expect(b.answerTo(1)).toBeDefined())
    const recorded = (caller: Caller) =>
      caller.recorded.flatMap((message) =>
        'method' in message ? [[message.method, message.params?._meta?.[SUBSCRIPTION]]] : [],
      )
    await vi.waitFor(() => expect(recorded(a)).toHaveLength(4))
    expect(recorded(a)).toEqual([
      ['notifications/subscriptions/acknowledged', ''],
      ['notifications/subscriptions/acknowledged', 0],
      ['notifications/tools/list_changed', ''],
      ['notifications/tools/list_changed', 0],
    ])
    expect(recorded(b)).toEqual([['notifications/subscriptions/acknowledged', 0]])
    expect(unmatched).toEqual([])
  })

  test('receive the end of their subscriptions when the server closes [SUB-S-08]', async () => {
    const { say, handle, near } = await served()
    const [a, b] = [new Caller('a'), new Caller('b')]
    for (const caller of [a, b]) {
      await say(
        caller,
        request(caller, '7', 'subscriptions/listen', { notifications: { toolsListChanged: true } }),
      )
      await vi.waitFor(() => expect(caller.recorded).toHaveLength(1))
    }
    await handle.close()
    await near.closed
    for (const caller of [a, b]) {
      expect(caller.answerTo('7')).toMatchObject({
        result: { resultType: 'complete', _meta: { [SUBSCRIPTION]: '7' } },
      })
    }
  })

  test('cancel their pending requests by closing', async () => {
    const aborted = vi.fn()
    const { say, multiplexer, near, unmatched } = await served(aborted)
    const [a, b] = [new Caller('a'), new Caller('b')]
    await say(a, call(a, 1, 'hang'))
    await say(a, request(a, 2, 'subscriptions/listen', { notifications: { toolsListChanged: true } }))
    await say(b, call(b, 1, 'hang'))
    await vi.waitFor(() => expect(a.recorded).toHaveLength(1))
    for (const message of multiplexer.callerClosed(a)) await near.send(message)
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledTimes(1))
    await say(b, call(b, 2, 'grow'))
    await vi.waitFor(() => expect(b.answerTo(2)).toBeDefined())
    expect(a.recorded).toHaveLength(1)
    expect(b.answerTo(1)).toBeUndefined()
    expect(unmatched).toEqual([])
    expect(multiplexer.inFlight).toBe(1)
  })

  test('do not switch the server to the legacy era by closing before the first response', async () => {
    const { say, multiplexer, near } = await served()
    const [a, b] = [new Caller('a'), new Caller('b')]
    const discovered = say(a, request(a, 1, 'server/discover'))
    const cancelled = multiplexer.callerClosed(a).map((message) => near.send(message))
    await Promise.all([discovered, ...cancelled])
    expect(cancelled).toHaveLength(1)
    await say(b, call(b, 1, 'whoami'))
    await vi.waitFor(() => expect(b.answerTo(1)).toBeDefined())
    expect(b.answerTo(1)).toMatchObject({ result: { resultType: 'complete' } })
  })
})
