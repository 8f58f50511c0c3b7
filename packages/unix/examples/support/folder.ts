import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder for this user alone, which is the working directory from now on. */
export const folder: string = await mkdtemp(join(tmpdir(), 'greeter-'))

process.chdir(folder)
