import { nameOf, type Outcome } from './cell.js'

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

const EVIDENCE_LENGTH = 200

const INTRODUCTION = `# Interoperability

SDKs of other languages, and other JavaScript runtimes, against the transports of this project. \`npm run interop\`
installs them, runs every cell in processes of its own, and writes this page. In each cell a client lists tools, calls
one with unusual text, one with 200 000 characters, 20 at once, one that fails, one with progress, and one that makes the
server sample from the client. Checks that a revision or a response format cannot have are left out.

\`ok\` is followed by the revision that the client reports. The columns are the SDK lines at our end: v1 is
\`@modelcontextprotocol/sdk\`, v2 is \`@modelcontextprotocol/client\` and \`server\`. The bridge is \`mcpwire bridge\`.
`

/** One line of the log. */
export function lineOf({ cell, status, protocol, reason, milliseconds }: Outcome): string {
  const name = `${cell.peer} | ${nameOf(cell)}`
  const detail = [protocol, reason?.replaceAll('\n', ' | ')].filter((part) => part !== undefined).join(' ')
  return `${status.padEnd(10)} ${name} (${milliseconds} ms) ${detail}`.trimEnd()
}

/** The matrix as a page of the documentation. */
export function matrixOf(reports: readonly PeerReport[]): string {
  return [INTRODUCTION, summaryOf(reports), ...reports.map(sectionOf)].join('\n')
}

/** The page with the sections and the summary of these peers replaced. Other peers keep theirs. */
export function updatedMatrix(page: string, reports: readonly PeerReport[]): string {
  const replaced = new Map(reports.map((report) => [report.label, report]))
  const [head = '', ...sections] = page.split(/^(?=## )/m)
  const newHead = head
    .split('\n')
    .map((line) => {
      const report = replaced.get(line.split(' | ')[0]?.slice('| '.length) ?? '')
      return report ? summaryRowOf(report) : line
    })
    .join('\n')
  const newSections = sections.map((section, index) => {
    const report = replaced.get(section.split('\n')[0]?.slice('## '.length) ?? '')
    if (!report) return section
    return index === sections.length - 1 ? sectionOf(report) : `${sectionOf(report)}\n`
  })
  return [newHead, ...newSections].join('')
}

function summaryRowOf({ label, outcomes, missing }: PeerReport): string {
  const count = (wanted: Outcome['status']): number =>
    outcomes.filter(({ status }) => status === wanted).length
  if (missing !== undefined) return `| ${label} | not run | | |`
  return `| ${label} | ${count('ok')} | ${count('peer fault')} | ${count('failed')} |`
}

function summaryOf(reports: readonly PeerReport[]): string {
  const rows = reports.map(summaryRowOf)
  return ['| peer | ok | faults of the peer | failed |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

function sectionOf({ label, notes, outcomes, missing }: PeerReport): string {
  if (missing !== undefined) return `## ${label}\n\nNot run: it could not be installed.\n`
  const remarks = notes.length > 0 ? [notes.map((note) => `- ${note}`).join('\n')] : []
  const tables = DIRECTIONS.map((direction) => outcomes.filter(({ cell }) => cell.direction === direction))
    .filter((rows) => rows.length > 0)
    .map(tableOf)
  const faults = outcomes.filter(({ status }) => status !== 'ok').map(faultOf)
  const parts = [`## ${label}`, ...remarks, ...tables, ...(faults.length > 0 ? [faults.join('\n')] : [])]
  return `${parts.join('\n\n')}\n`
}

/** A table with one row for each wire, and a column for each SDK line. */
function tableOf(outcomes: readonly Outcome[]): string {
  const columns = [...new Set(outcomes.map(({ cell }) => cell.sdk))]
  const rows = [...new Set(outcomes.map(({ cell }) => cell.wire))].map((wire) => {
    const cells = columns.map((sdk) =>
      resultOf(outcomes.find(({ cell }) => cell.wire === wire && cell.sdk === sdk)),
    )
    return `| ${[wire, ...cells].join(' | ')} |`
  })
  const titles = columns.map((sdk) => (sdk === undefined ? 'outcome' : `SDK ${sdk}`))
  const head = `| ${[outcomes[0]?.cell.direction, ...titles].join(' | ')} |`
  return [head, `|${' --- |'.repeat(titles.length + 1)}`, ...rows].join('\n')
}

/** An empty cell where the SDK line has no such revision. */
function resultOf(outcome: Outcome | undefined): string {
  return [outcome?.status, outcome?.protocol].filter((part) => part !== undefined).join(' ')
}

function faultOf({ cell, reason = '' }: Outcome): string {
  const evidence = reason
    .split('\n')[0]
    ?.slice(0, EVIDENCE_LENGTH)
    .replace(/:\d{4,5}\b/g, ':port')
  return `- ${nameOf(cell).replace(' | ', ', ')}: ${cell.peerFault ?? 'Failed.'} Observed: \`${evidence}\``
}
