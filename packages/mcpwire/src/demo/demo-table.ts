import { type Cell, type Output, table } from '../table.js'
import type { RouteResult, StepResult } from './run-demo.js'

/** How long each step took on each route. */
export function demoTable(results: readonly RouteResult[], output: Output): string {
  const steps = [...new Set(results.flatMap((result) => [...result.steps.keys()]))]
  const head = ['', ...steps].map((text): Cell => ({ text, look: 'bold' }))
  return table(
    [head, ...results.map(({ name, steps: done }) => [name, ...steps.map((step) => cell(done.get(step)))])],
    output,
  )
}

function cell(result: StepResult | undefined): Cell {
  if (!result) return { text: 'not reached', look: 'red' }
  return result.failure === undefined ? `${result.ms.toFixed(1)} ms` : { text: 'failed', look: 'red' }
}
