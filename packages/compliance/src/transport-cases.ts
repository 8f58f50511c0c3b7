import { batchCases } from './transport-cases/batches.js'
import { callStackCases } from './transport-cases/call-stack.js'
import { callbackCases } from './transport-cases/callbacks.js'
import { closingCases } from './transport-cases/closing.js'
import { contentCases } from './transport-cases/content.js'
import { endingCases } from './transport-cases/endings.js'
import { factoryCases } from './transport-cases/factories.js'
import { fairnessCases } from './transport-cases/fairness.js'
import { idCases } from './transport-cases/ids.js'
import { leakCases } from './transport-cases/leaks.js'
import { lifeCases } from './transport-cases/life.js'
import { limitCases } from './transport-cases/limits.js'
import { malformedCases } from './transport-cases/malformed.js'
import { objectCases } from './transport-cases/objects.js'
import { orderCases } from './transport-cases/order.js'
import { sendOptionCases } from './transport-cases/send-options.js'
import { sendCases } from './transport-cases/sends.js'
import { startingCases } from './transport-cases/starting.js'
import type { ClauseCase } from './transport-fixture.js'

/** Every test of the transport suite. Run them one at a time: some inspect the whole process. */
export const transportCases: readonly ClauseCase[] = [
  ...lifeCases,
  ...orderCases,
  ...contentCases,
  ...sendCases,
  ...endingCases,
  ...callbackCases,
  ...startingCases,
  ...closingCases,
  ...limitCases,
  ...malformedCases,
  ...callStackCases,
  ...factoryCases,
  ...leakCases,
  ...sendOptionCases,
  ...idCases,
  ...objectCases,
  ...batchCases,
  ...fairnessCases,
]
