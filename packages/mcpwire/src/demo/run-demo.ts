import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock, type Transport, tap, withLayers } from '@mcpwire/core'
import { endpoint } from '../endpoint.js'
import { diagnose } from '../report.js'
import { type Cell, type Output, table } from '../table.js'
import { listeningBridge } from './listening-bridge.js'
import { type DemoClient, sdkClients } from './sdk-clients.js'
import { steps } from './steps.js'

/** The duration of one step, and why it failed. */
interface StepResult {
  readonly ms: number
  readonly failure: string | undefined
}

/** The steps of one client on one route. Steps after a failed connection are missing. */
export interface RouteResult {
  readonly name: string
  readonly steps: ReadonlyMap<string, StepResult>
}

/** A client and a transport to the server. */
interface Route {
  readonly name: string
  readonly client: () => DemoClient
  readonly transport: () => Promise<Transport>
}

/**
 * Drives the server with each client directly, through the bridge, and over every protocol that a bridge listens on.
 * Routes run one after the other so that they do not slow each other down. `program` is the command line of this
 * program without a command.
 */
export async function runDemo(program: readonly string[]): Promise<RouteResult[]> {
  const server = [process.execPath, serverScript(), 'stdio']
  const bridge = await listeningBridge(program, server)
  const run = (command: readonly string[]) => () => endpoint(command, { stderr: 'ignore' })
  const transports = new Map([
    ['direct', run(server)],
    ['bridged', run([...program, 'bridge', '--', ...server])],
    ...bridge.transports,
  ])
  const results: RouteResult[] = []
  try {
    for (const route of routes(transports)) results.push(await runRoute(route))
  } finally {
    await bridge.close()
  }
  return results
}

function routes(transports: ReadonlyMap<string, () => Promise<Transport>>): Route[] {
  return Object.entries(sdkClients).flatMap(([clientName, client]) => {
    return [...transports].map(([name, transport]) => ({ name: `${clientName} ${name}`, client, transport }))
  })
}

function serverScript(): string {
  const manifestPath = fileURLToPath(
    import.meta.resolve('@modelcontextprotocol/server-everything/package.json'),
  )
  const { bin } = JSON.parse(readFileSync(manifestPath, 'utf8')) as { bin: Record<string, string> }
  return join(dirname(manifestPath), Object.values(bin)[0] ?? '')
}

async function runRoute({ name, client, transport }: Route): Promise<RouteResult> {
  const received: number[] = []
  const progress = tap({
    onReceive: (message) => {
      if ('method' in message && message.method === 'notifications/progress') {
        received.push(message.params?.['progress'] as number)
      }
    },
  })
  const session = { client: client(), transport: withLayers(await transport(), progress), received }
  const results = new Map<string, StepResult>()
  for (const step of steps) {
    // Other steps need a connection.
    if (session.transport.state === 'closed') break
    const startedAt = systemClock.now()
    const failure = await step.run(session).then(
      () => undefined,
      (error) => diagnose(error).message,
    )
    results.set(step.name, { ms: systemClock.now() - startedAt, failure })
  }
  await session.transport.close()
  return { name, steps: results }
}

/** The duration of each step on each route, as a table. */
export function demoTable(results: readonly RouteResult[], output: Output): string {
  const names = [...new Set(results.flatMap((result) => [...result.steps.keys()]))]
  const head = ['', ...names].map((text): Cell => ({ text, style: 'bold' }))
  return table(
    [head, ...results.map(({ name, steps: done }) => [name, ...names.map((step) => cell(done.get(step)))])],
    output,
  )
}

function cell(result: StepResult | undefined): Cell {
  if (!result) return { text: 'not reached', style: 'red' }
  return result.failure === undefined ? `${result.ms.toFixed(1)} ms` : { text: 'failed', style: 'red' }
}
