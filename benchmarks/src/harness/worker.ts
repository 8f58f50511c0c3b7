// One process of a measurement: `worker.js <control> <suite> <contestant> <role> <key> <address>`.
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { serveHarness } from './control.js'
import { respond } from './exchange.js'
import type { Figures } from './figures.js'
import { quantile } from './statistics.js'
import type { Contestant, Counts, Driver } from './suite.js'
import { loadSuite } from './suites.js'

const [controlPath = '', suiteName = '', contestantId = '', role = '', key = '', dialAddress = ''] =
  process.argv.slice(2)

const suite = await loadSuite(suiteName)
const contestant = suite.contestants.find(({ id }) => id === contestantId)
if (!contestant) throw new Error(`suite ${suiteName} has no contestant ${contestantId}`)

let usageBefore = process.cpuUsage()
const rssBefore = heldBytes()

if (role === 'server') await serve(contestant)
else await drive(contestant)

async function serve({ server }: Contestant): Promise<void> {
  const address = await server?.serve((wire) => respond(wire))
  serveHarness(
    controlPath,
    { key: `${key}:server`, address: address ?? '' },
    {
      mark: () => {
        usageBefore = process.cpuUsage()
      },
      usage: () => {
        const cpu = cpuMicros()
        const rssBytes = heldBytes()
        return { cpuMicros: cpu, rssBytes, grownBytes: rssBytes - rssBefore }
      },
    },
  )
}

async function drive({ open, server }: Contestant): Promise<void> {
  const worker = fileURLToPath(import.meta.url)
  const driver: Driver = await open({
    address: dialAddress,
    command: process.execPath,
    args: server ? [...process.execArgv, worker, controlPath, suiteName, contestantId, 'server', key] : [],
  })
  const warmUp = async ({ loadId, milliseconds }: RunArguments): Promise<Counts> => {
    const load = suite.loads.find(({ id }) => id === loadId)
    if (!load) throw new Error(`suite ${suiteName} has no load ${loadId}`)
    await driver.prepare?.(load)
    usageBefore = process.cpuUsage()
    return await driver.run(load, milliseconds)
  }
  const run = async (given: RunArguments): Promise<Figures> => {
    const counts = await warmUp(given)
    return figuresOf(counts, cpuMicros())
  }
  serveHarness(
    controlPath,
    { key: `${key}:client`, address: '' },
    { warmUp, run, close: () => driver.close() },
  )
}

interface RunArguments {
  readonly loadId: string
  readonly milliseconds: number
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage(usageBefore)
  return user + system
}

/** The resident memory, without garbage where the suite requires it. */
function heldBytes(): number {
  if (suite.isCollected) {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    collect()
    collect()
  }
  return process.memoryUsage.rss()
}

function figuresOf(counts: Counts, ownCpuMicros: number): Figures {
  const { messages, seconds, bytes, latencies, connections, otherCpuMicros = 0 } = counts
  if (messages === 0) throw new Error('no message was measured')
  latencies?.sort()
  const rssBytes = heldBytes()
  return {
    messages,
    messagesPerSecond: messages / seconds,
    microsPerMessage: (seconds * 1e6) / messages,
    cpuMicrosPerMessage: (ownCpuMicros + otherCpuMicros) / messages,
    rssBytes,
    ...(connections !== undefined && {
      connections,
      bytesPerConnection: (rssBytes - rssBefore) / connections,
    }),
    ...(bytes !== undefined && { megabytesPerSecond: bytes / 1e6 / seconds }),
    ...(latencies?.length && { p50Micros: quantile(latencies, 0.5), p99Micros: quantile(latencies, 0.99) }),
  }
}
