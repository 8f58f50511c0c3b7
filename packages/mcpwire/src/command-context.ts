import type { Endpoint } from './wire.js'

/** What a command gets from the command line besides its options. */
export interface CommandContext {
  /** Where the server is: the URL that stood before `--`, or the command after it. Throws when neither makes sense. */
  targetOf(url: string | undefined): Endpoint
  /** Throws when a server was given to a command that takes none. */
  refuseServer(): void
  /** Sets the exit code. */
  finish(exitCode: number): void
}
