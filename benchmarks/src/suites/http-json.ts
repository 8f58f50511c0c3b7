import { type ExchangeLoad, roundTrips } from '../harness/exchange.js'
import { httpContestants } from '../harness/http.js'
import type { Suite } from '../harness/suite.js'

/** One POST per request, with a JSON body as response. */
export const suite: Suite<ExchangeLoad> = {
  name: 'http-json',
  question: 'What does a conversation over HTTP cost, where each response is a JSON body?',
  reference: 'undici-request',
  // With one request in flight there are few requests. The load with many comes first, so that the code is compiled.
  warmUpMs: 3_000,
  measureMs: 1_800,
  slices: 12,
  loads: [roundTrips(64), roundTrips(1)],
  contestants: httpContestants('json'),
}
