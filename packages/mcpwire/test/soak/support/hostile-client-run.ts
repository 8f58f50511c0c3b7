import { setTimeout as sleep } from 'node:timers/promises'
import { HEAP, type Outcome, type Times } from './hostile-run.js'
import { type Figures, figuresOf } from './measurement.js'
import { startProgram, takePeakMegabytes } from './processes.js'

interface Taken {
  readonly calls: Figures
  readonly ended: Readonly<Record<string, number>>
}

const NONE = figuresOf([], 0, [])

/** Attacks a process with HTTP clients by event streams whose lines never complete an event. */
export async function attackClients({ beforeMs, attackMs }: Times): Promise<Outcome> {
  const good = startProgram('server', ['http://127.0.0.1:0/mcp'])
  const hostile = startProgram('hostile-server', [])
  const clients = startProgram('http-clients', [], { flags: [HEAP] })
  try {
    const { address } = await good.ask<{ address: string }>({})
    const { address: hostileUrl } = await hostile.ask<{ address: string }>({})
    await clients.ask({ open: address })
    await sleep(1_000)
    await clients.ask({ begin: true })
    await sleep(beforeMs)
    const { calls: before } = await clients.ask<Taken>({ begin: true })
    takePeakMegabytes(clients.pid)
    await clients.ask({ hostile: hostileUrl })
    await sleep(attackMs)
    const peakMegabytes = takePeakMegabytes(clients.pid)
    const { streams, sentBytes } = await hostile.ask<{ streams: number; sentBytes: number }>({})
    await hostile.kill()
    await sleep(1_000)
    const taken = clients.isAlive() ? await clients.ask<Taken>({}) : undefined
    return {
      target: 'http client',
      attack: 'event lines',
      server: clients.end(),
      peakMegabytes,
      before,
      during: taken?.calls ?? NONE,
      newcomers: NONE,
      attackers: { streams, sentBytes },
      reports: taken?.ended ?? {},
    }
  } finally {
    for (const each of [clients, hostile, good]) if (each.isAlive()) await each.kill()
  }
}
