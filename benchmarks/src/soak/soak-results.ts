import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Circumstances } from '../harness/machine.js'
import { committedFolder } from '../harness/results.js'

/** What a soak run found, as it is committed. */
export interface SoakResults extends Circumstances {
  readonly soak: string
  readonly says: string
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

/** One line for each. */
export function soaksText(soaks: readonly SoakResults[]): string {
  return soaks
    .map(
      ({ soak, says, met, growthBytes }) =>
        `${met ? 'met' : 'missed'}  soak-${soak}: ${says}  ${growthBytes} bytes`,
    )
    .join('\n')
}
