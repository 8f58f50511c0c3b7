import type { Transport } from '@mcpwire/core'
import type { DemoClient } from './sdk-clients.js'

/** A client and its transport. */
interface Session {
  readonly client: DemoClient
  readonly transport: Transport
  /** Progress received by the transport. Each step removes its own. */
  readonly received: number[]
}

/** One step of the demo. */
export interface Step {
  readonly name: string
  /** Rejects if the response is wrong or missing. */
  run(session: Session): Promise<void>
}

const LONG_TOOL = 'trigger-long-running-operation'
const SECONDS = 0.3
const STEPS = 3
/** Long enough to still run at the cancellation. */
const CANCELLED_SECONDS = 20
const CANCELLED_STEPS = 200

/** The responses of `@modelcontextprotocol/server-everything`. */
const expected = {
  tools: ['echo', LONG_TOOL],
  echoed: 'Echo: hello',
  progress: [1, 2, 3],
  finished: `Long running operation completed. Duration: ${SECONDS} seconds, Steps: ${STEPS}.`,
}

/** The steps for each client on each route, in order. */
export const steps: readonly Step[] = [
  { name: 'connect', run: ({ client, transport }) => client.connect(transport) },
  {
    name: 'list tools',
    run: async ({ client }) => {
      const { tools } = await client.listTools()
      const names = tools.map(({ name }) => name)
      same(
        'tools',
        names.filter((name) => expected.tools.includes(name)),
        expected.tools,
      )
    },
  },
  { name: 'call echo', run: ({ client }) => callEcho(client) },
  {
    name: 'long call with progress',
    run: async ({ client, received }) => {
      const reported: number[] = []
      const result = await client.callTool(
        { name: LONG_TOOL, arguments: { duration: SECONDS, steps: STEPS } },
        { onprogress: (each) => void reported.push(each.progress) },
      )
      same('progress', received.splice(0), expected.progress)
      // Both SDKs handle progress a moment after they received it, and drop it once they have the response. So
      // progress received together with the response is not reported.
      same(
        'progress reported by the client',
        reported,
        expected.progress.slice(0, Math.max(reported.length, 1)),
      )
      same('result', textOf(result), expected.finished)
    },
  },
  {
    name: 'cancel a long call',
    run: async ({ client }) => {
      const reason = new Error('cancelled by the demo')
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
      same('close reason', (await transport.closed)?.message, undefined)
    },
  },
]

async function callEcho(client: DemoClient): Promise<void> {
  same(
    'echo',
    textOf(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })),
    expected.echoed,
  )
}

function textOf(result: unknown): unknown {
  return (result as { content?: { text?: unknown }[] }).content?.[0]?.text
}

function same(name: string, actual: unknown, wanted: unknown): void {
  const [actualText, wantedText] = [JSON.stringify(actual), JSON.stringify(wanted)]
  if (actualText !== wantedText) throw new Error(`wrong ${name}: ${actualText} instead of ${wantedText}`)
}
