import type { ErrorAdvice } from '@mcpwire/core'

const MAX_LINES = 3
const MAX_LINE_CHARACTERS = 160

/** A line that names an error, as runtimes and package managers write them before they exit. */
const ERROR_LINES: readonly RegExp[] = [
  /^\S*(?:error|exception|panic)\S*:|\bpanicked\b|^(?:fatal|error)\b|: (?:command )?not found\b|no such file/i,
  /^npm (?:error|ERR!)/,
  /\bE(?:ACCES|ADDR\w+|CONN\w+|INVAL|NOENT|NOTFOUND|PERM|TIMEDOUT)\b/,
]
/** Lines of traces, versions and advice around an error. */
const TRACE_LINE =
  /^\s+(?:at |throw |File "|(?:code|errno|syscall|path|requireStack|url|digest): )|^Node\.js v|^Traceback |^\s*[\^~{}]+,?$|^node:internal|A complete log of this run|^note: run with|^npm (?:error|ERR!)(?: \d+)?\s*$/

/** The lines of standard error that explain an exit: those that name an error, else the last ones. At most three. */
export function errorLinesOf(stderrTail: string): string[] {
  const lines = stderrTail.split(/\r\n|[\r\n]/).filter((line) => line.trim() !== '' && !TRACE_LINE.test(line))
  return chosen(lines).map((line) => shortened(line.trim()))
}

function chosen(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex(isErrorLine)
  if (last < 0) return lines.slice(-MAX_LINES)
  let first = last
  while (first > 0 && isErrorLine(lines[first - 1] ?? '')) first--
  // npm names the cause first, and then repeats it in more words.
  if (/^npm /.test(lines[first] ?? '')) return lines.slice(first, Math.min(last + 1, first + MAX_LINES))
  // A panic has its text on the next line.
  const end = last + (/\bpanicked\b/.test(lines[last] ?? '') ? 2 : 1)
  return lines.slice(Math.max(first, end - MAX_LINES), end)
}

function isErrorLine(line: string): boolean {
  return ERROR_LINES.some((pattern) => pattern.test(line))
}

function shortened(line: string): string {
  return line.length > MAX_LINE_CHARACTERS ? `${line.slice(0, MAX_LINE_CHARACTERS - 1)}…` : line
}

/** Advice for known texts of programs that exit at their start. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/\bE404\b|is not in (?:this|the npm) registry/, 'check the name of the package'],
  [
    /\/dev\/(?:stdin|stdout|stderr|fd\/\d).*(?:No such device|ENXIO)/,
    'the standard streams of a child are sockets: start it with sh -c "cat | program | cat"',
  ],
]

/** Texts about a variable or a credential. Codes such as `ERR_MODULE_NOT_FOUND` are no names of variables. */
const VARIABLE_TEXTS: readonly RegExp[] = [
  /\b(?!ERR_|MODULE_|[A-Z]+_NOT_FOUND\b)[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/,
  /\benv(?:ironment)?\b|\b(?:credentials?|api[ -]?key|token|secret|password)\b/i,
]

/** A variable with a shorter name could be any word. */
const MIN_NAME_LENGTH = 3

/**
 * What to change, for a child that exits before its first message. `withheld` has the names of the variables of this
 * process that the child did not inherit.
 */
export function exitAdvice(stderrTail: string, withheld: readonly string[]): ErrorAdvice {
  const known = KNOWN.find(([text]) => text.test(stderrTail))
  if (known) return { hint: known[1] }
  if (withheld.length === 0) return {}
  const words = new Set(stderrTail.match(/\w+/g))
  const name = withheld.find((each) => each.length >= MIN_NAME_LENGTH && words.has(each))
  if (name !== undefined) {
    const hint = `pass ${name} in option "env": it is set here, but the child does not inherit it`
    return { option: 'env', hint }
  }
  const mayNameVariable = VARIABLE_TEXTS.some((pattern) => pattern.test(stderrTail))
  if (stderrTail.trim() !== '' && !mayNameVariable) return {}
  const hint = 'if it needs an environment variable, pass it in option "env": only safe ones are inherited'
  return { option: 'env', hint }
}
