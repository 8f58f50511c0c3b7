import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { toError } from '@mcpwire/core/authoring'
import { UsageError } from './program.js'

/** Environment variables for a server. */
export type Variables = Readonly<Record<string, string>>

const NAME = /^[A-Za-z_]\w*$/

/**
 * Adds the variable of one `--env`: `NAME=VALUE`, or `NAME` to copy it from the environment of this process. Errors do
 * not show the value.
 *
 * @throws UsageError for a variable that is not set
 */
export function variable(given: string, before: Variables = {}): Variables {
  const at = given.indexOf('=')
  if (at > 0) return { ...before, [given.slice(0, at)]: given.slice(at + 1) }
  if (at === 0 || !NAME.test(given))
    throw new UsageError('--env must be NAME=VALUE, or NAME to copy a variable of this environment')
  const value = process.env[given]
  if (value === undefined)
    throw new UsageError(`--env ${given}: the variable is not set here; set it, or pass --env ${given}=VALUE`)
  return { ...before, [given]: value }
}

/**
 * Adds the variables of one `--env-file`, in the syntax of dotenv. A later file overrides an earlier one. Errors do not
 * show values.
 *
 * @throws UsageError for a file that cannot be read, or a line that is no variable
 */
export function variablesFile(path: string, before: Variables = {}): Variables {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    throw new UsageError(`--env-file ${path}: cannot read the file: ${toError(error).message}`)
  }
  const variables = parseEnv(text) as Record<string, string>
  // A value of several lines may have a line without "=".
  const hasLongValue = Object.values(variables).some((value) => value.includes('\n'))
  const line = hasLongValue ? -1 : text.split(/\r?\n/).findIndex((each) => !/^\s*(?:#|$)|=/.test(each))
  if (line >= 0) throw new UsageError(`--env-file ${path}: line ${line + 1} must be NAME=VALUE`)
  return { ...before, ...variables }
}
