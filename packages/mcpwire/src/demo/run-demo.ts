import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock, type Transport, tap, withLayers } from '@mcpwire/core'
import { endpoint } from '../endpoint.js'
import { describeError } from '../report.js'
import { listeningBridge } from './listening-bridge.js'
import { type DemoClient, sdkClients } from './sdk-clients.js'
import { steps } from './steps.js'

/** How one step went: how long it took, or why it failed. */
export interface StepResult {
  readonly ms: number
  readonly failure: string | undefined
}

/** What one client did on one route. Steps after one that could not connect are missing. */
export interface RouteResult {
  readonly name: string
  readonly steps: ReadonlyMap<string, StepResult>
}

/** A way to a server. */
interface Route {
  readonly name: string
  readonly client: () => DemoClient
  readonly transport: () => Promise<Transport>
}

/**
 * Drives the server with each client directly, through the bridge, and over every wire that a bridge listens on, one
 * after the other so that none costs the others time. `program` is the command line of this program without a command.
 */
export async function runDemo(program: readonly string[]): Promise<RouteResult[]> {
  const server = [process.execPath, serverScript(), 'stdio']
  const bridge = await listeningBridge(program, server)
  const run = (command: readonly string[]) => () => endpoint(command, { stderr: 'ignore' })
  const ways = new Map([
    ['direct', run(server)],
    ['bridged', run([...program, 'bridge', '--', ...server])],
    ...bridge.wires,
  ])
  const results: RouteResult[] = []
  try {
    for (const route of routes(ways)) results.push(await take(route))
  } finally {
    await bridge.close()
  }
  return results
}

function routes(ways: ReadonlyMap<string, () => Promise<Transport>>): Route[] {
  return Object.entries(sdkClients).flatMap(([clientName, client]) => {
    return [...ways].map(([way, transport]) => ({ name: `${clientName} ${way}`, client, transport }))
  })
}

function serverScript(): string {
  const manifestPath = fileURLToPath(
    import.meta.resolve('@modelcontextprotocol/server-everything/package.json'),
  )
  const { bin } = JSON.parse(readFileSync(manifestPath, 'utf8')) as { bin: Record<string, string> }
  return join(dirname(manifestPath), Object.values(bin)[0] ?? '')
}

async function take({ name, client, transport }: Route): Promise<RouteResult> {
  const arrived: number[] = []
  const progress = tap({
    onReceive: (message) => {
      if ('method' in message && message.method === 'notifications/progress') {
        arrived.push(message.params?.['progress'] as number)
      }
    },
  })
  const session = { client: client(), transport: withLayers(await transport(), progress), arrived }
  const results = new Map<string, StepResult>()
  for (const step of steps) {
    // Without a connection no other step could say anything.
    if (session.transport.state === 'closed') break
    const startedAt = systemClock.now()
    const failure = await step.run(session).then(
      () => undefined,
      (error) => describeError(error).message,
    )
    results.set(step.name, { ms: systemClock.now() - startedAt, failure })
  }
  await session.transport.close()
  return { name, steps: results }
}
