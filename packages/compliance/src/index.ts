// For authors of transports

// To run the suites elsewhere than in vitest
export type { ClauseCase } from './clause.js'
export { type ClauseId, clauses } from './clauses.js'
export { describeTransport } from './describe-transport.js'
export { createFakeClock, type FakeClock } from './fake-clock.js'
export { type LeakCheck, startLeakCheck } from './leak-check.js'
export { loopback } from './loopback.js'
export { turns, until, within } from './patience.js'
export { type CaseOutcome, runCase, runTransportCases } from './run-case.js'
export { transportCases } from './transport-cases.js'
export type {
  Ability,
  LoneTransport,
  PairOptions,
  Side,
  TransportCapabilities,
  TransportPair,
  TransportSubject,
} from './transport-subject.js'
