import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Circumstances } from '../harness/machine.js'
import { committedFolder } from '../harness/results.js'

/** The committed results of a soak run. */
export interface SoakResults extends Circumstances {
  readonly soak: string
  readonly claim: string
  readonly messages: number
  readonly seconds: number
  readonly heapBytes: readonly { readonly afterMessages: number; readonly heapUsedBytes: number }[]
  readonly growthBytes: number
  readonly maxGrowthBytes: number
  readonly met: boolean
}

/** The committed results of all soak runs. */
export function committedSoaks(folder: string = committedFolder): SoakResults[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^soak-.*\.json$/.test(file)) : []
  return files.sort().map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as SoakResults)
}

/** One line for each soak run. */
export function soaksText(soaks: readonly SoakResults[]): string {
  return soaks
    .map(
      ({ soak, claim, met, growthBytes }) =>
        `${met ? 'met' : 'missed'}  soak-${soak}: ${claim}  ${growthBytes} bytes`,
    )
    .join('\n')
}
