const NO_WAY = 'is that host right'

const QUESTIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is it running, and the port right',
  EAI_AGAIN: NO_WAY,
  ENOTFOUND: NO_WAY,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
}

/**
 * What whoever reads that connecting failed may look at, to go behind the words of the system: empty where nothing is
 * known. `options` names the options that say where to connect.
 */
export function connectHintOf(cause: unknown, options: string): string {
  const { code, errors } = cause as { code?: unknown; errors?: readonly unknown[] }
  // Several addresses failed; the first is the one that the system prefers.
  if (errors?.[0] !== undefined && code === undefined) return connectHintOf(errors[0], options)
  const question = typeof code === 'string' ? QUESTIONS[code] : undefined
  return question === undefined ? '' : `; ${question} (${options})?`
}
