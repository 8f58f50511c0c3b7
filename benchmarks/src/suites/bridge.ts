import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bestByteStream } from '../floors/byte-stream.js'
import { type ExchangeLoad, exchangeDriver, roundTrips } from '../harness/exchange.js'
import { countingProcess } from '../harness/other-process.js'
import type { Contestant, Suite } from '../harness/suite.js'

const relay = fileURLToPath(new URL('../floors/relay.js', import.meta.url))
const bin = fileURLToPath(new URL('dist/bin.js', import.meta.resolve('mcpwire/package.json')))

/** Three processes: a client, a bridge, and the server that the bridge runs. Both ends are those of the best floor. */
export const suite: Suite<ExchangeLoad> = {
  name: 'bridge',
  question: 'What does a bridge between a client and the server it runs cost?',
  reference: 'relay',
  measureMs: 1_200,
  slices: 8,
  loads: [roundTrips(1), roundTrips(64)],
  contestants: [
    through('relay', 'floor: a relay that parses and stringifies', [relay]),
    { ...through('ours', 'mcpwire bridge', [bin, 'bridge', '--']), isOurs: true },
  ],
}

function through(id: string, label: string, program: readonly string[]): Contestant<ExchangeLoad> {
  return {
    id,
    label,
    open: async ({ command, args }) => {
      const bridge = spawn(process.execPath, [...process.execArgv, ...program, command, ...args], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const driver = await exchangeDriver(bestByteStream(bridge.stdout, bridge.stdin))
      if (bridge.pid === undefined) throw new Error('the bridge cannot be started')
      return countingProcess(bridge.pid, driver)
    },
    server: {
      startedBy: 'client',
      serve: async (accept) => {
        await accept(bestByteStream(process.stdin, process.stdout))
        return undefined
      },
    },
  }
}
