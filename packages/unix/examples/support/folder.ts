import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The working directory of the example, which only this user can enter. */
export const folder: string = await mkdtemp(join(tmpdir(), 'greeter-'))

process.chdir(folder)
