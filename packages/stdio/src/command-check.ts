import { constants } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'

/** The program to run. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
}

/** Why a program cannot be started. */
export interface CommandFault {
  readonly why: string
  readonly option?: string
  readonly hint?: string
}

/** The search path of `execvp` in an environment without PATH. */
const DEFAULT_PATH = '/usr/bin:/bin'
/** The longest first line that Linux reads of a script. */
const SCRIPT_LINE_BYTES = 256

/**
 * Checks the working directory, the program and its interpreter. Returns the first fault; `undefined` if there is none.
 * Starts nothing. On Windows it checks the working directory only.
 */
export async function inspectCommand(command: Command): Promise<CommandFault | undefined> {
  const { cwd } = command
  if (cwd !== undefined) {
    const found = await stat(cwd).catch((error: Error) => error)
    if (found instanceof Error)
      return { why: `option "cwd" (${cwd}) cannot be entered: ${found.message}`, option: 'cwd' }
    if (!found.isDirectory()) return { why: `option "cwd" (${cwd}) is not a directory`, option: 'cwd' }
    if (!(await isAccessible(cwd, constants.X_OK))) {
      return {
        why: `option "cwd" (${cwd}) cannot be entered: permission denied`,
        option: 'cwd',
        hint: 'check the permissions of option "cwd"',
      }
    }
  }
  return process.platform === 'win32' ? undefined : await inspectProgram(command)
}

async function inspectProgram(command: Command): Promise<CommandFault | undefined> {
  const shown = `option "command" (${command.command})`
  const found = await locate(command.command, command)
  switch (found.kind) {
    case 'program':
      return await inspectScript(found.path, command)
    case 'directory':
      return { why: `${shown} is a directory`, option: 'command' }
    case 'not executable': {
      const hint = `run chmod +x ${found.path}, or start it with its interpreter`
      return { why: `${shown} is not executable`, option: 'command', hint }
    }
    case 'missing':
      return await missing(shown, command)
  }
}

async function missing(shown: string, { command, cwd }: Command): Promise<CommandFault> {
  const folder = cwd ?? process.cwd()
  const isPath = command.includes('/')
  const why = `${shown} was not found${isPath ? '' : ' in PATH'}`
  const advise = (hint: string): CommandFault => ({ why, option: 'command', hint })
  if (/\s/.test(command)) return advise('it contains a space: pass the arguments in option "args"')
  if (isPath) return advise(command.startsWith('/') ? 'check the path' : `the path is relative to ${folder}`)
  const local = await stat(resolve(folder, command)).catch(() => undefined)
  if (local?.isFile()) return advise(`for the file in ${folder}, write ./${command}`)
  return advise('check the name, install the program, or pass its path')
}

type Located =
  | { readonly kind: 'program' | 'directory' | 'not executable'; readonly path: string }
  | { readonly kind: 'missing' }

/** Searches as `execvp` does: a name in PATH, a path in the working directory. */
async function locate(name: string, { cwd, env }: Pick<Command, 'cwd' | 'env'>): Promise<Located> {
  const base = cwd ?? process.cwd()
  const folders = name.includes('/') ? ['.'] : (env['PATH'] ?? DEFAULT_PATH).split(':')
  let unusable: Located = { kind: 'missing' }
  for (const folder of folders) {
    const path = resolve(base, folder === '' ? '.' : folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() && (await isAccessible(path, constants.X_OK))) return { kind: 'program', path }
    if (found && unusable.kind === 'missing')
      unusable = { kind: found.isDirectory() ? 'directory' : 'not executable', path }
  }
  return unusable
}

/** Checks the interpreter in the first line of a script. The system reports a missing one as if the script were missing. */
async function inspectScript(path: string, command: Command): Promise<CommandFault | undefined> {
  const line = await scriptLine(path)
  if (line === undefined) return undefined
  const fault = (why: string, hint: string): CommandFault => ({ why, option: 'command', hint })
  if (line.endsWith('\r'))
    return fault(`the first line of ${path} ends with CR LF`, 'save the script with line ends of LF')
  const [interpreter = '', ...rest] = line.split(/[ \t]+/).filter((part) => part !== '')
  if (interpreter === '') return undefined
  const isEnv = /\/env$/.test(interpreter)
  // After `env`, options and assignments precede the program.
  const program = isEnv ? rest.find((part) => !part.startsWith('-') && !part.includes('=')) : undefined
  for (const name of [interpreter, program]) {
    if (name === undefined || (await locate(name, command)).kind === 'program') continue
    const why = `the interpreter of ${path} was not found: its first line names ${name}`
    return fault(why, 'install the interpreter, or correct the line')
  }
  return undefined
}

/** The first line of a script without `#!`; `undefined` for any other file. */
async function scriptLine(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined)
  if (!file) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SCRIPT_LINE_BYTES), 0, SCRIPT_LINE_BYTES, 0)
    const [line = ''] = buffer.toString('latin1', 0, bytesRead).split('\n', 1)
    return line.startsWith('#!') ? line.slice(2) : undefined
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  )
}
