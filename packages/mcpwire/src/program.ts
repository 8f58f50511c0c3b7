import { readFileSync } from 'node:fs'
import type { TransportError } from '@mcpwire/core'
import type { Endpoint } from './endpoint-provider.js'
import { type End, nameFlags } from './flag-names.js'

/** An invalid command line. The program prints the message with the usage line and exits with code 2. */
export class UsageError extends Error {}

/** The text for a bridge that would admit clients on other hosts without authentication. */
export const OPEN_TO_ALL =
  'not started: clients on other hosts could connect without authentication. Listen on 127.0.0.1, or pass --api-key-file, --jwt-issuer or, for https://, wss:// and tcps://, --listen-ca. --allow-anonymous admits every client'

/** The text of an invalid option, with the names of the command line. */
export function usageMessage({ message, details }: TransportError<'INVALID_OPTION'>, end: End): string {
  // The option itself is for programs only.
  if (details.option === 'gate') return OPEN_TO_ALL
  return nameFlags(message, end)
}

/** The command line, as a command reads it besides its options. */
export interface CommandContext {
  /**
   * The server: the one URL before `--`, or the command after it.
   *
   * @throws UsageError if there is no server, or more than one
   */
  targetOf(operands: readonly string[]): Endpoint
  /** @throws UsageError if the command line has a server */
  refuseServer(): void
  /** Sets the exit code. */
  finish(exitCode: number): void
}

/** The version of this package. */
export function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return (manifest as { version: string }).version
}
