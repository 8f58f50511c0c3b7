import type { Transport } from '@mcpwire/core'
import type { DemoClient } from './sdk-clients.js'

/** A client and the transport it is connected through. */
interface Session {
  readonly client: DemoClient
  readonly transport: Transport
  /** The progress that arrived through it, to be taken out. */
  readonly arrived: number[]
}

/** Something to do, and to be right about. */
export interface Step {
  readonly name: string
  /** Rejects when the answer is wrong, or there is none. */
  run(session: Session): Promise<void>
}

const LONG_TOOL = 'trigger-long-running-operation'
const SECONDS = 0.3
const STEPS = 3
/** Long enough to still run when it is cancelled. */
const CANCELLED_SECONDS = 20
const CANCELLED_STEPS = 200

/** What `@modelcontextprotocol/server-everything` answers. */
const right = {
  tools: ['echo', LONG_TOOL],
  echoed: 'Echo: hello',
  progress: [1, 2, 3],
  finished: `Long running operation completed. Duration: ${SECONDS} seconds, Steps: ${STEPS}.`,
}

/** What is done with each client on each route, in order. */
export const steps: readonly Step[] = [
  { name: 'connect', run: ({ client, transport }) => client.connect(transport) },
  {
    name: 'list tools',
    run: async ({ client }) => {
      const { tools } = await client.listTools()
      const names = tools.map(({ name }) => name)
      same(
        'tools',
        names.filter((name) => right.tools.includes(name)),
        right.tools,
      )
    },
  },
  { name: 'call echo', run: ({ client }) => callEcho(client) },
  {
    name: 'long call with progress',
    run: async ({ client, arrived }) => {
      const seen: number[] = []
      const answer = await client.callTool(
        { name: LONG_TOOL, arguments: { duration: SECONDS, steps: STEPS } },
        { onprogress: (each) => void seen.push(each.progress) },
      )
      same('progress', arrived.splice(0), right.progress)
      // Both SDKs forget who asked for progress as soon as they have the answer, and hear of progress a moment
      // after it arrived: what arrives together with the answer is not told any more.
      same('progress told by the client', seen, right.progress.slice(0, Math.max(seen.length, 1)))
      same('answer', textOf(answer), right.finished)
    },
  },
  {
    name: 'cancel a long call',
    run: async ({ client }) => {
      const reason = new Error('cancelled by the demonstration')
      const controller = new AbortController()
      const call = client.callTool(
        { name: LONG_TOOL, arguments: { duration: CANCELLED_SECONDS, steps: CANCELLED_STEPS } },
        { onprogress: () => controller.abort(reason), signal: controller.signal },
      )
      const outcome = await call.then(
        () => 'answered',
        (error: Error) => error.message,
      )
      if (!outcome.includes(reason.message)) same('outcome of the call', outcome, reason.message)
      await callEcho(client)
    },
  },
  {
    name: 'close',
    run: async ({ client, transport }) => {
      await client.close()
      same('reason of the end', (await transport.closed)?.message, undefined)
    },
  },
]

async function callEcho(client: DemoClient): Promise<void> {
  same('echo', textOf(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })), right.echoed)
}

function textOf(answer: unknown): unknown {
  return (answer as { content?: { text?: unknown }[] }).content?.[0]?.text
}

function same(what: string, seen: unknown, wanted: unknown): void {
  const [found, expected] = [JSON.stringify(seen), JSON.stringify(wanted)]
  if (found !== expected) throw new Error(`wrong ${what}: ${found} instead of ${expected}`)
}
