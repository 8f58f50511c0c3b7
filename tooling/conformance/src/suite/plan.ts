/** One run of the suite. */
export interface Run {
  readonly side: 'server' | 'client'
  readonly sdk: 'v1' | 'v2'
  /** What the suite is asked to run. */
  readonly selection: readonly string[]
  /** How many scenarios that is; fewer means that the suite left some out. */
  readonly scenarios: number
  readonly limitMs: number
}

const sdks = ['v1', 'v2'] as const

/** Everything there is to run, in order. */
export const runs: readonly Run[] = [
  ...sdks.flatMap((sdk) => serverRuns(sdk)),
  ...sdks.flatMap((sdk) => clientRuns(sdk)),
  ...modernRuns(),
]

function serverRuns(sdk: Run['sdk']): Run[] {
  const run = (scenarios: number, ...selection: string[]): Run => ({
    side: 'server',
    sdk,
    selection,
    scenarios,
    limitMs: 60_000,
  })
  return [
    run(33, '--requirements', '2025-11-25'),
    run(27, '--suite', 'all', '--spec-version', '2025-06-18'),
    run(1, '--suite', 'all', '--spec-version', '2025-03-26'),
    run(1, '--scenario', 'server-sse-polling'),
    run(1, '--scenario', 'server-session-lifecycle'),
    run(1, '--scenario', 'dns-rebinding-protection'),
  ]
}

function clientRuns(sdk: Run['sdk']): Run[] {
  const run = (scenarios: number, ...selection: string[]): Run => ({
    side: 'client',
    sdk,
    selection,
    scenarios,
    limitMs: 90_000,
  })
  return [
    run(1, '--scenario', 'sse-retry'),
    run(25, '--requirements', '2025-11-25'),
    run(5, '--suite', 'all', '--spec-version', '2025-06-18'),
    run(2, '--suite', 'all', '--spec-version', '2025-03-26'),
  ]
}

/** The v2 SDK alone speaks 2026-07-28. */
function modernRuns(): Run[] {
  return [
    {
      side: 'server',
      sdk: 'v2',
      selection: ['--requirements', '2026-07-28'],
      scenarios: 50,
      limitMs: 90_000,
    },
    {
      side: 'client',
      sdk: 'v2',
      selection: ['--requirements', '2026-07-28'],
      scenarios: 39,
      limitMs: 90_000,
    },
  ]
}
