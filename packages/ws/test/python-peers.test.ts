import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from '@mcpwire/compliance'
import type { JsonRpcMessage } from '@mcpwire/core'
import { missing, pythonWith } from '@mcpwire/test-support/system-packages'
import { describe, expect, onTestFinished, test } from 'vitest'
import { wsClient } from '../src/index.js'
import { serving } from './support/serving.js'

const COUNT = 10_000
const TIMEOUT_MS = 60_000

const peers = [
  ['websockets', 'python3-websockets'],
  ['autobahn', 'python3-autobahn'],
] as const
const cases = peers.flatMap(([module, name]) => [false, true].map((deflate) => ({ module, name, deflate })))

/** Runs a peer, which prints lines of JSON. */
async function run(
  module: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; next(): Promise<unknown> }> {
  const script = fileURLToPath(new URL(`programs/${module}_peer.py`, import.meta.url))
  const child = spawn('/usr/bin/python3', [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    next: async () => {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${module} ended with ${child.exitCode}`)
      return JSON.parse(value)
    },
  }
}

describe.each(cases)('a peer on $name with deflate $deflate', ({ module, name, deflate }) => {
  const used = deflate ? ['permessage-deflate'] : []

  test('gets 10 000 responses from wsServer', { timeout: TIMEOUT_MS * 4 }, async ({ skip }) => {
    const why = missing(pythonWith(module, name))
    if (why !== undefined) skip(why)
    await using server = await serving({ deflate: deflate ? { thresholdBytes: 100 } : undefined })
    const peer = await run(module, ['client', server.listener.url, String(COUNT), String(deflate)])
    expect(await peer.next()).toEqual({ responses: COUNT, extensions: used })
    expect(await server.connections[0]?.closed).toBeUndefined()
    expect(server.errors).toEqual([])
  })

  test('echoes 10 000 messages to wsClient', { timeout: TIMEOUT_MS * 4 }, async ({ skip }) => {
    const why = missing(pythonWith(module, name))
    if (why !== undefined) skip(why)
    const peer = await run(module, ['server', String(deflate)])
    const { port } = (await peer.next()) as { port: number }
    const client = wsClient({
      url: `ws://127.0.0.1:${port}/`,
      deflate: deflate ? { thresholdBytes: 100, contextTakeover: true } : undefined,
    })
    const received: JsonRpcMessage[] = []
    client.onmessage = (message) => received.push(message)
    await client.start()
    const sent = Array.from({ length: COUNT }, (_, n): JsonRpcMessage => {
      return { jsonrpc: '2.0', method: 'notifications/x', params: { n, text: 'täglich 語 '.repeat(n % 90) } }
    })
    for (const message of sent) await client.send(message)
    await until(() => received.length === COUNT, 'all messages', TIMEOUT_MS * 4)
    expect(received).toEqual(sent)
    await client.close()
    expect(await peer.next()).toEqual({ closed: 1000, extensions: used })
  })
})
