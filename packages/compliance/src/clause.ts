import type { ClauseId } from './clauses.js'
import type { Stage } from './stage.js'

/** One test of one clause, as data: a runner of any kind can carry it out. */
export interface ClauseCase {
  readonly clause: ClauseId
  /** What is shown, as a sentence. */
  readonly title: string
  /** Rejects where the clause is broken, and with `Exempt` where the subject is exempt from what the case needs. */
  readonly run: (stage: Stage) => Promise<void>
}

/** States one test of a clause. */
export function clause(id: ClauseId, title: string, run: (stage: Stage) => Promise<void>): ClauseCase {
  return { clause: id, title, run }
}
