import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { RESULTS } from './processes.js'

type Row = Readonly<Record<string, string | number | undefined>>

/** Prints rows as a table. */
export function printTable(rows: readonly Row[]): void {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))]
  const widths = names.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  const text = cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  console.info(`\n${text.join('\n')}\n`)
}

/**
 * Writes `<name>.json` with the commit and the machine: into the folder of committed results where SOAK_SAVE is 1, else
 * into the one of temporary results.
 */
export function saveResults(name: string, results: object): void {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
  const document = {
    soak: name,
    date: new Date().toISOString(),
    commit: git('rev-parse', 'HEAD'),
    node: process.version,
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), load: loadavg()[0] },
    ...results,
  }
  // Objects and lists without nested ones take one line.
  const text = JSON.stringify(document, null, 1).replace(/[{[]\n[^{}[\]]*[}\]]/g, (flat) =>
    flat.replace(/\n\s*/g, ' '),
  )
  const folder = process.env['SOAK_SAVE'] === '1' ? RESULTS : '.results'
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `soak-${name}.json`), `${text}\n`)
}
