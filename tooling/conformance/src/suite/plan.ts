/** One run of the suite. */
export interface Run {
  readonly side: 'server' | 'client'
  readonly sdk: 'v1' | 'v2'
  /** Arguments of the suite that select scenarios. */
  readonly selection: readonly string[]
  /** How many scenarios that selects. Fewer results are a failure. */
  readonly scenarios: number
  /** How many checks succeed. Fewer mean that a scenario stopped early, which is a failure. */
  readonly checks: number
  readonly limitMs: number
}

type Size = Pick<Run, 'scenarios' | 'checks'>

const sdks = ['v1', 'v2'] as const

/** All runs, in order. The v2 SDK alone supports 2026-07-28. */
export const runs: readonly Run[] = [
  ...sdks.flatMap((sdk) => serverRuns(sdk)),
  server('v2', { scenarios: 50, checks: 152 }, '--requirements', '2026-07-28'),
  ...sdks.flatMap((sdk) => clientRuns(sdk)),
  client('v2', { scenarios: 39, checks: 417 }, '--requirements', '2026-07-28'),
]

function serverRuns(sdk: Run['sdk']): Run[] {
  return [
    server(sdk, { scenarios: 33, checks: 84 }, '--requirements', '2025-11-25'),
    server(sdk, { scenarios: 27, checks: 56 }, '--suite', 'all', '--spec-version', '2025-06-18'),
    server(sdk, { scenarios: 1, checks: 3 }, '--suite', 'all', '--spec-version', '2025-03-26'),
    server(sdk, { scenarios: 1, checks: 3 }, '--scenario', 'server-sse-polling'),
    server(sdk, { scenarios: 1, checks: 3 }, '--scenario', 'server-session-lifecycle'),
    server(sdk, { scenarios: 1, checks: 2 }, '--scenario', 'dns-rebinding-protection'),
  ]
}

function clientRuns(sdk: Run['sdk']): Run[] {
  return [
    client(sdk, { scenarios: 1, checks: 3 }, '--scenario', 'sse-retry'),
    client(sdk, { scenarios: 25, checks: 250 }, '--requirements', '2025-11-25'),
    client(sdk, { scenarios: 5, checks: 60 }, '--suite', 'all', '--spec-version', '2025-06-18'),
    client(sdk, { scenarios: 2, checks: 19 }, '--suite', 'all', '--spec-version', '2025-03-26'),
  ]
}

function server(sdk: Run['sdk'], size: Size, ...selection: string[]): Run {
  return { side: 'server', sdk, ...size, selection, limitMs: 90_000 }
}

function client(sdk: Run['sdk'], size: Size, ...selection: string[]): Run {
  return { side: 'client', sdk, ...size, selection, limitMs: 120_000 }
}
