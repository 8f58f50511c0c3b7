import type { SoakResults } from '../soak/soak-results.js'
import { evaluate } from './evaluate.js'
import { markdownTable } from './format.js'
import type { Circumstances } from './machine.js'
import type { Results } from './results.js'
import { loadRows, valueText, wordFor } from './tables.js'
import type { Target } from './targets.js'

/** Fills `<!-- name -->` … `<!-- /name -->` with each of the blocks. Throws when the text has no such markers. */
export function fillBlocks(text: string, blocks: Readonly<Record<string, string>>): string {
  return Object.entries(blocks).reduce((filled, [name, content]) => {
    const pattern = new RegExp(`^<!-- ${name} -->\\n[\\s\\S]*?^<!-- /${name} -->$`, 'm')
    if (!pattern.test(filled)) throw new Error(`no markers <!-- ${name} -->`)
    return filled.replace(pattern, () => `<!-- ${name} -->\n${content}\n<!-- /${name} -->`)
  }, text)
}

/** The section of one suite: question, machine, chart and a table for each load. */
export function suiteSection(results: Results, chartPath: string): string {
  const { suite, question, loads, parameters } = results
  const { rounds, measureMs, warmUpMs, slices = 1 } = parameters
  const turns = slices === 1 ? '' : ` in ${slices} turns`
  return [
    `### ${suite}`,
    '',
    `${question} ${rounds} rounds of ${measureMs} ms${turns} after ${warmUpMs} ms of warm-up. ${circumstancesLine(results)}`,
    '',
    `![messages per second, ${suite}](${chartPath})`,
    ...loads.flatMap((load) => [
      '',
      `**${load.label}**`,
      '',
      markdownTable(escaped(loadRows(results, load))),
    ]),
  ].join('\n')
}

/** A row for each target: its claim, the measured value and the verdict. */
export function targetsTable(
  targets: readonly Target[],
  results: ReadonlyMap<string, Results>,
  soaks: readonly SoakResults[],
): string {
  const rows = targets.map((target) => {
    const verdict = evaluate(target, results.get(target.suite))
    return [`${target.suite}: ${target.claim}`, valueText(verdict), wordFor(verdict)]
  })
  const soakRows = soaks.map(({ soak, claim, growthBytes, met }) => [
    `soak ${soak}: ${claim}`,
    `${growthBytes} B`,
    met ? 'met' : 'missed',
  ])
  return markdownTable(escaped([['target', 'measured', ''], ...rows, ...soakRows]))
}

function circumstancesLine({
  date,
  commit,
  dirty,
  node,
  machine,
  versions,
  busyBefore,
}: Circumstances): string {
  const gigabytes = Math.round(machine.memoryBytes / 2 ** 30)
  const others = Object.entries(versions)
    .filter(([name]) => !name.startsWith('@mcpwire/'))
    .map(([name, version]) => `${name} ${version}`)
  const source = `${commit.slice(0, 7)}${dirty ? ' with local changes' : ''}`
  return (
    `Measured on ${date.slice(0, 10)} at ${source}: Node ${node}, ${machine.cpu}, ${machine.cores} cores, ` +
    `${gigabytes} GiB, ${machine.kernel}, ${Math.round(busyBefore * 100)} % of it busy before; ${others.join(', ')}.`
  )
}

function escaped(rows: readonly (readonly string[])[]): string[][] {
  return rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
}
