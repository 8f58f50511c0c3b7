import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Outcomes, type Round, runRound } from './support/chaos-round.js'
import { type Fault, type Route, removeSockets, routes } from './support/chaos-routes.js'
import { buildSoakPrograms } from './support/processes.js'
import { seededRandom, shuffled } from './support/random.js'
import { printTable, saveResults } from './support/results.js'

// SOAK_SEED repeats a run, except for the timing of the system. SOAK_CHAOS_SECONDS is its length, SOAK_ROUTE and
// SOAK_FAULT select by a part of the name, SOAK_SAVE=1 writes the results file.

const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 4_294_967_296))
const seconds = Number(process.env['SOAK_CHAOS_SECONDS'] ?? 200)
const routeName = process.env['SOAK_ROUTE'] ?? ''
const faultName = process.env['SOAK_FAULT'] ?? ''
/** The rounds that run at once. Most of them wait for a deadline. */
const AT_ONCE = 6

beforeAll(buildSoakPrograms)
afterAll(removeSockets)

test('no fault runs a call twice, or one that was reported as not delivered, or leaves one pending', async () => {
  console.info(`SOAK_SEED=${seed}`)
  const ledger = join(tmpdir(), `mcpwire-chaos-ledger-${process.pid}`)
  const outcomes: Outcomes = {
    answered: new Set(),
    notDelivered: new Set(),
    repeats: [],
    calls: 0,
    repeated: 0,
    failures: new Map(),
  }
  const rounds = await allRounds(ledger, outcomes)
  const runs = countsIn(ledger)
  rmSync(ledger, { force: true })
  for (const key of outcomes.repeats) outcomes.notDelivered.add(key)
  const twice = [...runs].filter(([, count]) => count > 1).map(([key]) => key)
  const ranUndelivered = [...outcomes.notDelivered].filter((key) => runs.has(key))
  const answeredWithoutRun = [...outcomes.answered].filter((key) => !runs.has(key))
  const problems = rounds.flatMap(({ route, fault, problems }) =>
    problems.map((text) => `${route}, ${fault}: ${text}`),
  )
  const noticed = tableOf(rounds)
  printTable(noticed)
  const { calls, repeated } = outcomes
  const failures = Object.fromEntries([...outcomes.failures].sort((a, b) => b[1] - a[1]))
  const totals = { rounds: rounds.length, calls, answered: outcomes.answered.size, repeated, ran: runs.size }
  console.info(totals, failures)
  const verdict = { twice, ranUndelivered, answeredWithoutRun, problems }
  saveResults('chaos', { seed, seconds, totals, failures, verdict, noticed })
  expect(verdict).toEqual({ twice: [], ranUndelivered: [], answeredWithoutRun: [], problems: [] })
})

/** Runs each fault of each route at least once, and then again until the time is over. */
async function allRounds(ledger: string, outcomes: Outcomes): Promise<Round[]> {
  const random = seededRandom(seed)
  const until = performance.now() + seconds * 1_000
  const rounds: Round[] = []
  const pairs = routes
    .filter(({ name }) => name.includes(routeName))
    .flatMap((route) =>
      route.faults.filter((fault) => fault.includes(faultName)).map((fault) => ({ route, fault })),
    )
  // The longest first, so that the last rounds are short.
  const first = shuffled(pairs, random).sort((a, b) => weightOf(b) - weightOf(a))
  const queue = [...first]
  let count = 0
  const next = (): { route: Route; fault: Fault } | undefined => {
    if (queue.length === 0 && performance.now() < until)
      queue.push(...shuffled(pairs, random).filter((pair) => weightOf(pair) === 0))
    return queue.shift()
  }
  const worker = async (): Promise<void> => {
    for (let pair = next(); pair; pair = next()) {
      const number = ++count
      const options = { ledger, outcomes, random: seededRandom(seed + number) }
      const round = await runRound(pair.route, pair.fault, `${seed}-${number}`, options)
      if (process.env['SOAK_VERBOSE']) console.info(JSON.stringify(round))
      rounds.push(round)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return rounds
}

/** Lost packets behind a bridge take long. They run once. */
function weightOf({ route, fault }: { readonly route: Route; readonly fault: Fault }): number {
  return fault === 'lost' && route.settleMs > 20_000 ? 1 : 0
}

function countsIn(ledger: string): Map<string, number> {
  const counts = new Map<string, number>()
  const lines = existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').filter(Boolean) : []
  for (const key of lines) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

/** The time to notice each fault, by route. */
function tableOf(rounds: readonly Round[]): Record<string, string | number>[] {
  const groups = new Map<string, Round[]>()
  for (const round of rounds) {
    const key = `${round.route}|${round.fault}`
    groups.set(key, [...(groups.get(key) ?? []), round])
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, group]) => {
      const [route = '', fault = ''] = key.split('|')
      const times = group.flatMap(({ noticedMs }) => noticedMs ?? []).sort((a, b) => a - b)
      return {
        route,
        fault,
        rounds: group.length,
        'failed calls': group.reduce((sum, { failed }) => sum + failed, 0),
        'median ms': times[Math.floor(times.length / 2)] ?? '-',
        'max ms': times.at(-1) ?? '-',
        problems: group.reduce((sum, { problems }) => sum + problems.length, 0),
      }
    })
}
