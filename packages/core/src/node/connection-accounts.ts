import type { BudgetAccount, ByteBudget, TransportError } from '../index.js'

/** The direction of the bytes that a connection holds. */
export type HeldDirection = 'input' | 'output'

/** The connection of the accounts. */
export interface AccountOwner {
  /** The budget is exceeded: the connection releases the bytes of this direction and ends with the error. */
  overloaded(error: TransportError<'OVERLOADED'>, direction: HeldDirection): void
}

/** The accounts of one connection in a byte budget. Each is opened when it holds its first bytes. */
export class ConnectionAccounts {
  readonly #budget: ByteBudget
  readonly #owner: AccountOwner
  #input: BudgetAccount | undefined
  #output: BudgetAccount | undefined

  constructor(budget: ByteBudget, owner: AccountOwner) {
    this.#budget = budget
    this.#owner = owner
  }

  /** Sets the bytes of the message that is not complete yet. */
  holdInput(bytes: number): void {
    this.#input ??= this.#open('input')
    this.#input.hold(bytes)
  }

  /** Sets the bytes that are queued to be sent. */
  holdOutput(bytes: number): void {
    this.#output ??= this.#open('output')
    this.#output.hold(bytes)
  }

  close(): void {
    this.#input?.close()
    this.#output?.close()
  }

  #open(direction: HeldDirection): BudgetAccount {
    return this.#budget.open({ shed: (error) => this.#owner.overloaded(error, direction) })
  }
}
