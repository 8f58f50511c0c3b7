import type { Endpoint } from './wire.js'

/** What a command gets from the command line besides its options. */
export interface CommandContext {
  /** Where the server is: the one URL that stood before `--`, or the command after it. Throws unless that makes sense. */
  targetOf(places: readonly string[]): Endpoint
  /** Throws when a server was given to a command that takes none. */
  refuseServer(): void
  /** Sets the exit code. */
  finish(exitCode: number): void
}
