import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { program } from '../../support/bin.js'
import type { AttackProgress } from '../attacks/attack.js'
import type { Figures } from './measurement.js'
import {
  programPath,
  type Running,
  startLimited,
  startProgram,
  takePeakMegabytes,
  toolServerCommand,
} from './processes.js'
import type { Target } from './targets.js'

/** A server to attack. */
export type Subject = Omit<Target, 'url' | 'maxMessageBytes' | 'isNamed'> & { readonly name: string }

/** How a server is started for some of the attacks. */
export interface Variant {
  readonly attacks: readonly string[]
  readonly maxMessageBytes?: number
  readonly maxFiles?: number
}

/** The variants, with all attacks on a server. */
export const variants: readonly Variant[] = [
  { attacks: ['stopped child', 'unfinished', 'unread', 'sessions', 'pings', 'notifications'] },
  { attacks: ['brackets'], maxMessageBytes: 1_048_576 },
  { attacks: ['files'], maxFiles: 256 },
]

/** The outcome of one attack. */
export interface Outcome {
  readonly target: string
  readonly attack: string
  /** `alive`, or how the server ended. */
  readonly server: string
  /** The most memory of the server in this time. */
  readonly peakMegabytes: number | undefined
  readonly before: Figures
  readonly during: Figures
  /** Clients that connect, call and disconnect. */
  readonly newcomers: Figures
  readonly attackers: Readonly<Record<string, number>>
  /** The lines of the server's standard error, without numbers, with their count. */
  readonly reports: Readonly<Record<string, number>>
}

/** The heap of everything that is attacked. */
export const HEAP = '--max-old-space-size=1024'
const DEFAULT_MESSAGE_BYTES = 10_485_760
/** 22 well-behaved callers, and 18 for the attackers. Each costs a process. */
const BRIDGE_CONNECTIONS = '40'

interface Setup {
  readonly server: Running
  readonly callers: Running
  readonly target: Target
}

let sockets = 0

async function setUp(subject: Subject, { maxMessageBytes, maxFiles }: Variant): Promise<Setup> {
  const { wire, isBridge } = subject
  const isNamed = !isBridge && (wire === 'http' || wire === 'ws')
  const path = `/tmp/mcpwire-soak-${process.pid}-${++sockets}`
  const listen = {
    http: 'http://127.0.0.1:0/mcp',
    ws: 'ws://127.0.0.1:0/mcp',
    tcp: 'tcp://127.0.0.1:0',
    unix: `unix:${path}`,
  }
  const limits = maxMessageBytes === undefined ? {} : { maxMessageBytes }
  const [, bin = ''] = program
  const flags = Object.entries(limits).flatMap(([, value]) => ['--max-message-bytes', String(value)])
  const server = isBridge
    ? startLimited(
        [
          HEAP,
          bin,
          'bridge',
          '--max-connections',
          BRIDGE_CONNECTIONS,
          ...flags,
          '--listen',
          listen[wire],
          '--',
          ...toolServerCommand(),
        ],
        { ...(maxFiles !== undefined && { maxFiles }) },
      )
    : startLimited([HEAP, programPath('server'), listen[wire], JSON.stringify({ isNamed, ...limits })], {
        ...(maxFiles !== undefined && { maxFiles }),
        hasChannel: true,
      })
  const url = await addressOf(server, isBridge)
  const target = { ...subject, url, isNamed, maxMessageBytes: maxMessageBytes ?? DEFAULT_MESSAGE_BYTES }
  const callers = startProgram('callers', [])
  const opened = await callers.ask<{ failed?: string }>({ open: target })
  if (opened.failed !== undefined) throw new Error(`${opened.failed}\n${server.stderr().slice(0, 2_000)}`)
  return { server, callers, target }
}

async function addressOf(server: Running, isBridge: boolean): Promise<string> {
  if (!isBridge) return (await server.ask<{ address: string }>({})).address
  for (;;) {
    const address = /listening on (\S+)/.exec(server.stderr())?.[1]
    if (address !== undefined) return address
    if (!server.isAlive()) throw new Error(server.stderr())
    await sleep(20)
  }
}

async function tearDown({ server, callers, target }: Setup): Promise<void> {
  await callers.kill()
  if (server.isAlive()) {
    server.process.kill('SIGTERM')
    server.process.kill('SIGTERM')
    await Promise.race([server.kill(), sleep(3_000)])
  }
  if (target.wire === 'unix') rmSync(target.url.slice('unix:'.length), { force: true })
}

/** Durations in milliseconds. */
export interface Times {
  readonly beforeMs: number
  readonly attackMs: number
}

/** Attacks on memory take twice as long. */
const SLOW_ATTACKS = ['stopped child', 'unfinished', 'unread']

/** The time for a server to recover after an attack. */
const RECOVERY_MS = 1_000

/** Runs the attacks on a server one after another. The server is started again after a failure. */
export async function attackAll(
  subject: Subject,
  isWanted: (attack: string) => boolean,
  { beforeMs, attackMs }: Times,
  report: (outcome: Outcome) => void,
): Promise<void> {
  for (const variant of variants) {
    let setup: Setup | undefined
    let before: Figures | undefined
    try {
      for (const attack of variant.attacks.filter(isWanted)) {
        if (!setup || !before) {
          setup = await setUp(subject, variant)
          await sleep(1_000)
          await setup.callers.ask({ begin: true })
          await sleep(beforeMs)
          before = (await setup.callers.ask<{ calls: Figures }>({ begin: true })).calls
        }
        const factor = SLOW_ATTACKS.includes(attack) ? 2 : 1
        const outcome = await attackOnce(setup, attack, attackMs * factor, before)
        report(outcome)
        if (outcome.server !== 'alive' || outcome.during.failed > 0) {
          await tearDown(setup)
          setup = undefined
        }
      }
    } finally {
      if (setup) await tearDown(setup)
    }
  }
}

async function attackOnce(
  { server, callers, target }: Setup,
  attack: string,
  attackMs: number,
  before: Figures,
): Promise<Outcome> {
  const logged = server.stderr().length
  takePeakMegabytes(server.pid)
  await callers.ask({ begin: true })
  const attackers = startProgram('attackers', [attack, JSON.stringify(target)])
  let stopped: readonly number[] = []
  attackers.process.on('message', ({ progress }: { progress: AttackProgress }) => {
    stopped = progress.stopped
  })
  // The program is loaded.
  await once(attackers.process, 'message')
  await sleep(attackMs)
  const peakMegabytes = takePeakMegabytes(server.pid)
  const { progress } = attackers.isAlive()
    ? await attackers.ask<{ progress: AttackProgress }>({})
    : { progress: { counts: { [`ended: ${attackers.stderr().slice(0, 200)}`]: 1 } } }
  await attackers.kill()
  for (const pid of stopped) resume(pid)
  await sleep(RECOVERY_MS)
  const { calls, newcomers } = await callers.ask<{ calls: Figures; newcomers: Figures }>({ take: true })
  return {
    target: target.isBridge ? `bridge ${target.wire} ${target.era}` : `${target.wire} ${target.era}`,
    attack,
    server: server.end(),
    peakMegabytes,
    before,
    during: calls,
    newcomers,
    attackers: progress.counts,
    reports: reportsIn(server.stderr().slice(logged)),
  }
}

function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // The bridge has killed it meanwhile.
  }
}

const MOST_KINDS = 8

function reportsIn(text: string): Record<string, number> {
  const counts = new Map<string, number>()
  for (const line of text.split('\n').filter(Boolean)) {
    const kind = line
      .replace(/^\d{4}-\S+Z /, '')
      .replace(/\d+/g, 'n')
      .slice(0, 160)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST_KINDS))
}
