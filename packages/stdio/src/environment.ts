import { invalidOption, rejectOption } from '@mcpwire/core/authoring'

/** Selection of environment variables that a child inherits from this process. */
export type Inheritance = 'safe' | 'all' | 'none'

/** Paths and locale. By design no variable of the safe lists holds a credential. */
const safeOnPosix: readonly string[] = [
  'HOME',
  'LANG',
  'LANGUAGE',
  'LOGNAME',
  'PATH',
  'SHELL',
  'TERM',
  'TMPDIR',
  'TZ',
  'USER',
]

const safeOnWindows: readonly string[] = [
  'APPDATA',
  'COMSPEC',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATH',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'PROGRAMFILES(X86)',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
]

const safeEverywhere: readonly string[] = [
  'ALL_PROXY',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
]

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment of a child: the inherited variables, then those of `given`, where `undefined` removes one. Names are
 * case-insensitive on Windows; those of proxies are everywhere.
 */
export function childEnvironment(
  inherit: Inheritance,
  given: Environment,
  own: Environment,
  platform: string,
): Record<string, string> {
  const isWindows = platform === 'win32'
  const environment: Record<string, string> = {}
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && isInherited(name, value, inherit, isWindows)) environment[name] = value
  }
  for (const [name, value] of Object.entries(given)) {
    if (isWindows) removeIgnoringCase(environment, name)
    if (value === undefined) delete environment[name]
    else environment[name] = value
  }
  return environment
}

/** The names of the variables of `own` that a child with this environment does not have. */
export function withheldNames(environment: Environment, own: Environment): string[] {
  return Object.keys(own).filter((name) => environment[name] === undefined)
}

/** Throws `INVALID_OPTION` unless each variable is a string or `undefined`. The error omits values: they may be secrets. */
export function requireEnvironment(option: string, env: unknown): void {
  if (typeof env !== 'object' || env === null || Array.isArray(env))
    rejectOption(option, 'an object of strings')
  for (const [name, value] of Object.entries(env)) {
    const isName = name !== '' && !name.includes('=') && !name.includes('\0')
    if (!isName)
      invalidOption(option, name.split('=', 1)[0], 'an object with names that are not empty and have no "="')
    if (value === undefined || (typeof value === 'string' && !value.includes('\0'))) continue
    rejectOption(`${option}.${name}`, 'a string without NUL, or undefined')
  }
}

function isInherited(name: string, value: string, inherit: Inheritance, isWindows: boolean): boolean {
  if (inherit !== 'safe') return inherit === 'all'
  // An exported shell function would run in the shells of the child.
  if (value.startsWith('()')) return false
  const upper = name.toUpperCase()
  if (safeEverywhere.includes(upper)) return true
  if (isWindows) return safeOnWindows.includes(upper)
  return safeOnPosix.includes(name) || name.startsWith('LC_')
}

function removeIgnoringCase(environment: Record<string, string>, name: string): void {
  const upper = name.toUpperCase()
  for (const key of Object.keys(environment)) if (key.toUpperCase() === upper) delete environment[key]
}
