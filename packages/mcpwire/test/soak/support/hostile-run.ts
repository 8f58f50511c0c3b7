import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { program } from '../../support/bin.js'
import type { AttackProgress } from '../attacks/attack.js'
import { type Figures, figuresOf } from './measurement.js'
import {
  listeningAddress,
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

interface Taken {
  readonly calls: Figures
  readonly newcomers: Figures
  readonly latencies: readonly number[]
}

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
  const url = isBridge ? await listeningAddress(server) : (await server.ask<{ address: string }>({})).address
  const target = { ...subject, url, isNamed, maxMessageBytes: maxMessageBytes ?? DEFAULT_MESSAGE_BYTES }
  const callers = startProgram('callers', [])
  const opened = await callers.ask<{ failed?: string }>({ open: target })
  if (opened.failed !== undefined) throw new Error(`${opened.failed}\n${server.stderr().slice(0, 2_000)}`)
  return { server, callers, target }
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

/** Attacks on memory take longer. */
const FACTORS: Readonly<Record<string, number>> = { 'stopped child': 2, unfinished: 3, unread: 3 }

/** The time until before is measured. */
const WARM_UP_MS = 2_000

/** The time for a server to recover after an attack. */
const RECOVERY_MS = 1_000

/** The name of the outcome of all attacks on a server. */
export const TOGETHER = 'together'

/**
 * Runs the attacks on a server one after another, and reports the outcome of each and of all together. The server is
 * started again after a failure.
 */
export async function attackAll(
  subject: Subject,
  isWanted: (attack: string) => boolean,
  times: Times,
  report: (outcome: Outcome) => void,
): Promise<void> {
  const results: Result[] = []
  for (const variant of variants) {
    const attacks = variant.attacks.filter(isWanted)
    while (attacks.length > 0) {
      const setup = await setUp(subject, variant)
      try {
        // The first measurement is the one that counts for all attacks together.
        const beforeMs = results.length === 0 ? times.beforeMs : times.beforeMs / 3
        await attackUntilFailure(setup, attacks, { ...times, beforeMs }, (result) => {
          results.push(result)
          report(result.outcome)
        })
      } finally {
        await tearDown(setup)
      }
    }
  }
  const outcomes = results.map(({ outcome }) => outcome)
  const [first] = outcomes
  if (!first) return
  const judged = results.filter(({ outcome }) => !stopsAll(outcome))
  const failures = outcomes.flatMap(({ during }) => during.failures)
  const failed = outcomes.reduce((sum, { during }) => sum + during.failed, 0)
  report({
    target: first.target,
    attack: TOGETHER,
    server: outcomes.every(({ server }) => server === 'alive') ? 'alive' : 'ended',
    peakMegabytes: Math.max(...outcomes.map(({ peakMegabytes = 0 }) => peakMegabytes)),
    before: first.before,
    during: figuresOf(
      judged.flatMap(({ latencies }) => latencies),
      failed,
      failures,
    ),
    newcomers: figuresOf([], 0, []),
    attackers: { attacks: outcomes.length },
    reports: {},
  })
}

/** All callers of 2026-07-28 behind a bridge share the child process that these attacks stop. */
function stopsAll({ target, attack }: Outcome): boolean {
  return target === 'bridge http modern' && (attack === 'stopped child' || attack === 'brackets')
}

/** The outcome of an attack, and the time of each call of the well-behaved callers. */
interface Result {
  readonly outcome: Outcome
  readonly latencies: readonly number[]
}

/** Removes each attack from the list that it runs. */
async function attackUntilFailure(
  setup: Setup,
  attacks: string[],
  { beforeMs, attackMs }: Times,
  report: (result: Result) => void,
): Promise<void> {
  const { callers } = setup
  await sleep(WARM_UP_MS)
  await callers.ask({ begin: true })
  await sleep(beforeMs)
  const { calls: before } = await callers.ask<Taken>({ begin: true })
  let isGood = true
  while (isGood) {
    const attack = attacks.shift()
    if (attack === undefined) return
    const result = await attackOnce(setup, attack, attackMs * (FACTORS[attack] ?? 1), before)
    report(result)
    isGood = result.outcome.server === 'alive' && result.outcome.during.failed === 0
  }
}

async function attackOnce(
  { server, callers, target }: Setup,
  attack: string,
  attackMs: number,
  before: Figures,
): Promise<Result> {
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
  const { calls, newcomers, latencies } = await callers.ask<Taken>({ take: true })
  const outcome = {
    target: nameOf(target),
    attack,
    server: server.end(),
    peakMegabytes,
    before,
    during: calls,
    newcomers,
    attackers: progress.counts,
    reports: reportsIn(server.stderr().slice(logged)),
  }
  return { outcome, latencies }
}

function nameOf({ wire, era, isBridge }: Target): string {
  const name = wire === 'http' ? `http ${era}` : wire
  return isBridge ? `bridge ${name}` : name
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
