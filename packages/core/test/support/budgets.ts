import { fakeClock } from '@mcpwire/test-support/fake-clock'
import {
  type BudgetAccount,
  type BudgetHolder,
  type ByteBudget,
  createByteBudget,
  type TransportError,
} from '../../src/index.js'

export const LIMIT = 1_024

/** A holder that the test controls, with its account. */
export interface TestHolder {
  readonly name: string
  readonly account: BudgetAccount
  /** The errors that it was ended with. */
  readonly errors: TransportError<'OVERLOADED'>[]
}

/** A budget of `LIMIT` bytes on a fake clock, with records. */
export function testBudget(maxTotalBytes: number = LIMIT) {
  const clock = fakeClock()
  const reports: TransportError<'OVERLOADED'>[] = []
  /** The names of the holders in the order in which `shed` was called. */
  const shed: string[] = []
  const report = (error: TransportError<'OVERLOADED'>): void => void reports.push(error)
  const budget = createByteBudget({ maxTotalBytes, clock }, report)
  const holder = (name: string, given: Partial<BudgetHolder> = {}): TestHolder =>
    openHolder(budget, name, shed, given)
  return { budget, clock, reports, shed, holder }
}

/** Opens an account. Its `shed` closes it, unless `given` has another `shed`. */
export function openHolder(
  budget: ByteBudget,
  name: string,
  shed: string[],
  given: Partial<BudgetHolder> = {},
): TestHolder {
  const errors: TransportError<'OVERLOADED'>[] = []
  const account = budget.open({
    isCache: given.isCache,
    shed: (error, excessBytes) => {
      shed.push(name)
      errors.push(error)
      return given.shed ? given.shed(error, excessBytes) : account.close()
    },
  })
  return { name, account, errors }
}
