import { styleText } from 'node:util'
import Table from 'cli-table3'
import { printable } from './printable.js'

/** The stream that a table is printed to. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  /** Whether the terminal and the environment support colours. */
  hasColors?(): boolean
}

/** The style of a cell on a terminal. */
type Style = 'bold' | 'dim' | 'green' | 'red'

/** One cell. A style only applies where the output is coloured. */
export type Cell = string | { readonly text: string; readonly style: Style }

const DEFAULT_COLUMNS = 100
/** Borders and padding of a column. */
const COLUMN_FRAME = 3

/**
 * The rows as a table, at most as wide as the terminal. Coloured on a terminal only, and not if `NO_COLOR` has a
 * value.
 */
export function table(rows: readonly (readonly Cell[])[], output: Output): string {
  const colour = hasColour(output)
  const texts = rows.map((row) => row.map((cell) => printable(typeof cell === 'string' ? cell : cell.text)))
  const drawn = new Table({
    // No colours from the library: it ignores the output of the table.
    style: { head: [], border: [] },
    colWidths: widths(texts, output.columns ?? DEFAULT_COLUMNS),
    wordWrap: true,
  })
  rows.forEach((row, index) => {
    drawn.push(row.map((cell, column) => styled(cell, texts[index]?.[column] ?? '', colour)))
  })
  return drawn.toString()
}

/** Whether to print colours to the output. */
export function hasColour(output: Output, environment: NodeJS.ProcessEnv = process.env): boolean {
  return output.isTTY === true && !environment['NO_COLOR'] && (output.hasColors?.() ?? true)
}

function styled(cell: Cell, text: string, colour: boolean): string {
  return colour && typeof cell !== 'string' ? styleText(cell.style, text, { validateStream: false }) : text
}

/** The width that each column needs. The widest column shrinks if the table would not fit. */
function widths(rows: readonly (readonly string[])[], columns: number): number[] {
  const needed = (rows[0] ?? []).map((_, column) => {
    return Math.max(...rows.map((row) => row[column]?.length ?? 0)) + COLUMN_FRAME - 1
  })
  const widest = needed.indexOf(Math.max(...needed))
  const others = needed.reduce((sum, width, column) => sum + (column === widest ? 0 : width), 0)
  const available = columns - others - needed.length - 1
  return needed.map((width, column) =>
    column === widest ? Math.max(Math.min(width, available), COLUMN_FRAME * 4) : width,
  )
}
