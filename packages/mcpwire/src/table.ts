import { styleText } from 'node:util'
import Table from 'cli-table3'
import { printable } from './report.js'

/** Where a table is printed. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  /** Says what the terminal can do, and what the environment asks for. */
  hasColors?(): boolean
}

/** How a cell looks on a terminal. */
type Look = 'bold' | 'dim' | 'green' | 'red'

/** One cell. What is no plain text is coloured where that is wanted. */
export type Cell = string | { readonly text: string; readonly look: Look }

const DEFAULT_COLUMNS = 100
/** Borders and padding of a column. */
const COLUMN_FRAME = 3

/**
 * The rows as a table, as wide as the terminal at most. Coloured on a terminal only, and not where `NO_COLOR` is
 * set to something.
 */
export function table(rows: readonly (readonly Cell[])[], output: Output): string {
  const colour = hasColour(output)
  const texts = rows.map((row) => row.map((cell) => printable(typeof cell === 'string' ? cell : cell.text)))
  const drawn = new Table({
    // Ours is the only colouring: what this library would add by itself ignores where the table goes.
    style: { head: [], border: [] },
    colWidths: widths(texts, output.columns ?? DEFAULT_COLUMNS),
    wordWrap: true,
  })
  rows.forEach((row, index) => {
    drawn.push(row.map((cell, column) => painted(cell, texts[index]?.[column] ?? '', colour)))
  })
  return drawn.toString()
}

/** Whether to colour what is printed there. */
export function hasColour(output: Output, environment: NodeJS.ProcessEnv = process.env): boolean {
  return output.isTTY === true && !environment['NO_COLOR'] && (output.hasColors?.() ?? true)
}

function painted(cell: Cell, text: string, colour: boolean): string {
  return colour && typeof cell !== 'string' ? styleText(cell.look, text, { validateStream: false }) : text
}

/** What each column needs; the widest gives way when that is more than there is room for. */
function widths(rows: readonly (readonly string[])[], columns: number): number[] {
  const needed = (rows[0] ?? []).map((_, column) => {
    return Math.max(...rows.map((row) => row[column]?.length ?? 0)) + COLUMN_FRAME - 1
  })
  const widest = needed.indexOf(Math.max(...needed))
  const others = needed.reduce((sum, width, column) => sum + (column === widest ? 0 : width), 0)
  const room = columns - others - needed.length - 1
  return needed.map((width, column) =>
    column === widest ? Math.max(Math.min(width, room), COLUMN_FRAME * 4) : width,
  )
}
