import type { Outcome } from './cell.js'

/** The outcomes of one peer, or why it could not be installed. */
export interface PeerReport {
  readonly label: string
  /** What to know about the peer. */
  readonly notes: readonly string[]
  readonly outcomes: readonly Outcome[]
  readonly missing?: string
}

const DIRECTIONS = [
  'peer client',
  'peer server',
  'peer client through the bridge',
  'peer server behind the bridge',
] as const

const INTRODUCTION = `# Interoperability

SDKs of other languages, and other JavaScript runtimes, against the transports of this project. \`npm run interop\`
installs them, runs every cell in processes of its own, and writes this page. In each cell a client lists tools, calls
one with unusual text, one with 200 000 characters, 20 at once, one that fails, one with progress, and one that makes the
server sample from the client. Checks that a revision or a response format cannot have are left out.

\`ok\` is followed by the revision that the client reports.
`

/** One line of the log. */
export function lineOf({ cell, status, protocol, reason, milliseconds }: Outcome): string {
  const name = `${cell.peer} | ${cell.direction} | ${cell.wire}`
  const detail = [protocol, reason?.replaceAll('\n', ' | ')].filter((part) => part !== undefined).join(' ')
  return `${status.padEnd(10)} ${name} (${milliseconds} ms) ${detail}`.trimEnd()
}

/** The matrix as a page of the documentation. */
export function matrixOf(reports: readonly PeerReport[]): string {
  return `${INTRODUCTION}\n${reports.map(sectionOf).join('\n')}`
}

function sectionOf({ label, notes, outcomes, missing }: PeerReport): string {
  if (missing !== undefined) return `## ${label}\n\nNot run: it could not be installed.\n`
  const tables = DIRECTIONS.map((direction) => outcomes.filter(({ cell }) => cell.direction === direction))
    .filter((rows) => rows.length > 0)
    .map(tableOf)
  const faults = outcomes.filter(({ status }) => status !== 'ok').map(faultOf)
  const remarks = notes.length > 0 ? [notes.map((note) => `- ${note}`).join('\n')] : []
  return [`## ${label}`, ...remarks, ...tables, ...(faults.length > 0 ? [faults.join('\n')] : [])]
    .join('\n\n')
    .concat('\n')
}

function tableOf(rows: readonly Outcome[]): string {
  const body = rows.map(
    ({ cell, status, protocol }) =>
      `| ${cell.wire} | ${status}${protocol === undefined ? '' : ` ${protocol}`} |`,
  )
  return [`| ${rows[0]?.cell.direction} | outcome |`, '| --- | --- |', ...body].join('\n')
}

function faultOf({ cell, reason = '' }: Outcome): string {
  const evidence = reason.split('\n')[0]?.slice(0, 200)
  return `- ${cell.direction}, ${cell.wire}: ${cell.peerFault ?? 'failed'} Observed: \`${evidence}\``
}
