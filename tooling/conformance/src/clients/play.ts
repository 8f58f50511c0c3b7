import type { Scenario } from './scenarios.js'

/** Less than the suite grants, so that no client outlives it. */
const LIMIT_MS = 25_000

/** Plays the scenario the suite names, against the URL it appended to the command line. */
export async function play(scenarioNamed: (name: string) => Scenario | undefined): Promise<void> {
  const name = process.env['MCP_CONFORMANCE_SCENARIO'] ?? ''
  const scenario = scenarioNamed(name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  setTimeout(() => {
    console.error(`${name} took longer than ${LIMIT_MS} ms`)
    process.exit(1)
  }, LIMIT_MS).unref()
  await scenario(new URL(process.argv.at(-1) ?? ''))
}
