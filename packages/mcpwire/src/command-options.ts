import { type Command, InvalidArgumentError, Option } from 'commander'

/** Options of a command that runs a server. */
export interface ServerOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly inherit?: 'safe' | 'all' | 'none'
}

/** Adds the options of a command that runs a server. */
export function addServerOptions(command: Command): void {
  command
    // Without a description it is left out of the help, where it would promise URLs that this version cannot open.
    .argument('[url]')
    .option('--cwd <folder>', 'working directory of the server')
    .option('--env <NAME=VALUE>', 'a variable for the server; may be given again', variable)
    .addOption(
      new Option(
        '--inherit <which>',
        'variables it gets of ours: paths, locale and proxies, all, or none',
      ).choices(['safe', 'all', 'none']),
    )
}

function variable(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Needed is NAME=VALUE.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

/** Reads a number of at least `min`, whole or `Infinity` where that is the most it may be. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    const isWhole = Number.isInteger(value) || value === Infinity
    if (isWhole && value >= min && value <= max) return value
    const range = max === Infinity ? `of at least ${min}, or Infinity` : `from ${min} to ${max}`
    throw new InvalidArgumentError(`Needed is a whole number ${range}.`)
  }
}
