// For authors of transports

// To run the suites without vitest's test()
export type { ClauseCase } from './transport-fixture.js'
export { type ClauseId, clauses } from './clauses.js'
export { describeCompression } from './describe-compression.js'
export { describeEventStore } from './describe-event-store.js'
export { describeGate, type GateSubject } from './describe-gate.js'
export { describeLayer } from './describe-layer.js'
export { describeListener } from './describe-listener.js'
export { describeTransport } from './describe-transport.js'
export { createFakeClock, type FakeClock } from './fake-clock.js'
// Faults
export { type BreakAfterOptions, breakAfter } from './faults/break-after.js'
export { type HalfOpen, halfOpen } from './faults/half-open.js'
export { lineHooks } from './faults/tcp-proxy.js'
export type { StreamFaults } from './faults/pump.js'
export { type SlowReaderOptions, slowReader } from './faults/slow-reader.js'
export { type TcpProxy, type TcpProxyOptions, tcpProxy } from './faults/tcp-proxy.js'
export { type UnfinishedMessageOptions, unfinishedMessage } from './faults/unfinished-message.js'
export type { LayerFact, LayerSubject } from './layer-subject.js'
export { type LeakCheck, startLeakCheck } from './leak-check.js'
export type {
  HeldBytes,
  ListenerAbility,
  ListenerClientOptions,
  ListenerSubject,
} from './listener-subject.js'
export { loopback } from './loopback.js'
export { turns, until, within } from './waiting.js'
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
