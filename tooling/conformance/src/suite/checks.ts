import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { z } from 'zod'

const checksSchema = z.array(
  z.object({
    id: z.string(),
    status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
    errorMessage: z.string().optional(),
  }),
)

/** The result of one check of the suite. */
export type Check = z.infer<typeof checksSchema>[number]

/** One scenario of a run, with its checks. */
export interface ScenarioResult {
  readonly scenario: string
  readonly checks: readonly Check[]
}

/** All results below the output folder of the suite, by name of scenario. */
export function readResults(folder: string): ScenarioResult[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('checks.json'))
    .sort()
    .map((path) => ({
      scenario: scenarioOf(dirname(path).split(sep).join('/')),
      checks: parseChecks(readFileSync(join(folder, path), 'utf8')),
    }))
}

/** The checks in the text of a `checks.json`. */
export function parseChecks(text: string): Check[] {
  return checksSchema.parse(JSON.parse(text))
}

/** The scenario of a folder of results. The suite adds the time and the prefix `server-` to its name. */
export function scenarioOf(folder: string): string {
  return folder.replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '').replace(/^server-/, '')
}
