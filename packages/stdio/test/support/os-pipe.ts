import { execFileSync } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'

/** Both ends of a pipe of the operating system, in this process. */
export interface OsPipe {
  readonly readable: Socket
  readonly writable: Socket
}

/** Creates a pipe, by a named pipe in the folder. */
export function osPipe(folder: string, name: string): OsPipe {
  const path = join(folder, name)
  execFileSync('sh', ['-c', 'mkfifo "$0"', path])
  const input = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const output = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  return {
    readable: new Socket({ fd: input, readable: true, writable: false }),
    writable: new Socket({ fd: output, readable: false, writable: true }),
  }
}
