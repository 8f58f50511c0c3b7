// The well-behaved callers: 19 that stay connected, and 3 that reconnect every 2 s.
import { setTimeout as sleep } from 'node:timers/promises'
import { Measurement } from '../support/measurement.js'
import type { Target } from '../support/targets.js'
import { type Caller, openCaller } from '../support/well-behaved.js'

const CALLERS = 19
const NEWCOMERS = 3
const NEWCOMER_MS = 2_000
/** Between the calls of one caller: 50 to 100 ms, without chance. */
const pauseMs = (at: number): number => 50 + ((at * 37) % 51)
/** The tool takes this long, like one that asks a database. Without it a call takes less than a millisecond. */
const TOOL_MS = 10
const CALL_TIMEOUT_MS = 60_000

const calls = new Measurement()
const newcomers = new Measurement()
let isEnding = false

/** Over other wires than HTTP a server has one route for both eras: every second caller uses 2026-07-28. */
function eraOf(target: Target, at: number): Target {
  return target.wire === 'http' || at % 2 === 0 ? target : { ...target, era: 'modern' }
}

async function callRepeatedly(caller: Caller, at: number): Promise<void> {
  for (let turn = at; !isEnding; turn++) {
    await calls.count(within(caller.call('slow', { ms: TOOL_MS })))
    await sleep(pauseMs(turn))
  }
}

async function reconnectRepeatedly(target: Target, name: string): Promise<void> {
  while (!isEnding) {
    await newcomers.count(
      within(
        (async () => {
          const caller = await openCaller(target, name)
          await caller.call('echo')
          await caller.close()
        })(),
      ),
    )
    await sleep(NEWCOMER_MS)
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(CALL_TIMEOUT_MS)
  return await Promise.race([
    work,
    new Promise<never>((_, reject) => {
      limit.addEventListener('abort', () => reject(new Error(`no response in ${CALL_TIMEOUT_MS} ms`)))
    }),
  ])
}

interface Command {
  readonly open?: Target
  readonly take?: true
  readonly begin?: true
}

async function run(command: Command): Promise<void> {
  if (command.open) {
    const target = command.open
    try {
      const opened: Caller[] = []
      for (let at = 0; at < CALLERS; at++) opened.push(await openCaller(eraOf(target, at), `good-${at}`))
      for (const [at, caller] of opened.entries()) void callRepeatedly(caller, at)
      for (let at = 0; at < NEWCOMERS; at++) void reconnectRepeatedly(target, `new-${at}`)
      process.send?.({ opened: true })
    } catch (error) {
      process.send?.({ failed: String(error) })
    }
  }
  if (command.take || command.begin) {
    const taken = { calls: calls.take(), newcomers: newcomers.take(), latencies: calls.latencies() }
    if (command.begin) for (const each of [calls, newcomers]) each.reset()
    process.send?.(taken)
  }
}

process.on('message', (command: Command) => void run(command))
process.on('disconnect', () => {
  isEnding = true
  process.exit()
})
