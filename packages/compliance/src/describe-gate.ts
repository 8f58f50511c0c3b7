import type { Gate, Handshake, Verdict } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { within } from './waiting.js'

const GRACE_MS = 20_000
const LONG_TEXT_LENGTH = 100_000
const statuses: readonly unknown[] = [400, 401, 403, 421, 429, 503]

/** The subject of the gate suite. */
export interface GateSubject {
  /** Creates the gate. */
  readonly gate: () => Gate | Promise<Gate>
  /** Callers that the gate admits, by a name to show. */
  readonly admits: Readonly<Record<string, Handshake>>
  /** Callers that the gate refuses, by a name to show. */
  readonly refuses: Readonly<Record<string, Handshake>>
  /** Whether the gate admits callers without credentials. Default: it must refuse them. */
  readonly admitsUnknownClients?: boolean
  /** Texts that no refusal may contain, such as the tokens in `admits` and `refuses`. */
  readonly secrets?: readonly string[]
  /** Releases resources of the gates. Called after each case. */
  readonly cleanup?: () => void | Promise<void>
}

/** One test of the gate suite, as data. */
export interface GateCase {
  readonly title: string
  readonly run: (subject: GateSubject) => Promise<void>
}

/** Every test of the gate suite. */
export const gateCases: readonly GateCase[] = [
  {
    title: 'admits the callers in admits',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(subject.admits)) {
        expect((await verdictOf(gate, handshake)).admit, name).toBe(true)
      }
    },
  },
  {
    title: 'refuses the callers in refuses',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(subject.refuses)) {
        expect((await verdictOf(gate, handshake)).admit, name).toBe(false)
      }
    },
  },
  {
    title: 'returns a valid admission or refusal',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of allHandshakes(subject))
        expectVerdict(await verdictOf(gate, handshake), name)
    },
  },
  {
    title: 'returns a valid verdict for missing, oversized and invalid credentials',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(unknownClients)) {
        const verdict = await verdictOf(gate, handshake)
        expectVerdict(verdict, name)
        if (!subject.admitsUnknownClients) expect(verdict.admit, name).toBe(false)
      }
    },
  },
  {
    title: 'decides on concurrent callers independently',
    run: async (subject) => {
      const gate = await subject.gate()
      const callers = [
        ...Object.values(subject.admits).map((handshake) => ({ handshake, isAdmitted: true })),
        ...Object.values(subject.refuses).map((handshake) => ({ handshake, isAdmitted: false })),
      ]
      const verdicts = await Promise.all(callers.map(({ handshake }) => verdictOf(gate, handshake)))
      expect(
        verdicts.map(({ admit }) => admit),
        'verdicts of the gate, by caller',
      ).toEqual(callers.map(({ isAdmitted }) => isAdmitted))
    },
  },
  {
    title: 'does not modify the handshake',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of allHandshakes(subject)) {
        const before = JSON.stringify(handshake)
        await verdictOf(gate, handshake)
        expect(JSON.stringify(handshake), name).toBe(before)
      }
    },
  },
  {
    title: 'shows no secret in a refusal',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of allHandshakes(subject)) {
        const verdict = await verdictOf(gate, handshake)
        if (verdict.admit) continue
        for (const secret of subject.secrets ?? []) {
          expect(JSON.stringify(verdict).includes(secret), `${name}: the refusal contains a secret`).toBe(
            false,
          )
        }
      }
    },
  },
  {
    title: 'settles without an admission when its signal aborts',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(subject.refuses)) {
        const signal = AbortSignal.abort(new Error('aborted'))
        const verdict = Promise.resolve()
          .then(() => gate.admit(frozen(handshake), signal))
          .then(
            ({ admit }) => admit,
            () => false,
          )
        expect(await within(verdict, `${name}: the gate settled`, GRACE_MS), name).toBe(false)
      }
    },
  },
]

/**
 * Registers the gate suite with vitest.
 *
 * @example
 * ```ts
 * const local = { medium: 'tcp', remote: { address: '127.0.0.1' }, headers: {} }
 * describeGate('localOnly', { gate: localOnly, admits: { local }, refuses: {}, admitsUnknownClients: true })
 * ```
 */
export function describeGate(name: string, subject: GateSubject): void {
  describe.sequential(`${name} keeps the contract of a gate`, () => {
    for (const { title, run } of gateCases) {
      test(title, async () => {
        try {
          await run(subject)
        } finally {
          await subject.cleanup?.()
        }
      })
    }
  })
}

const unknownClients: Readonly<Record<string, Handshake>> = {
  'a caller without an address': { medium: 'tcp', remote: {}, headers: {} },
  'a caller on another host': { medium: 'tcp', remote: { address: '203.0.113.9', port: 1 }, headers: {} },
  'a caller on another host, mapped to IPv6': {
    medium: 'tcp',
    remote: { address: '::ffff:203.0.113.9' },
    headers: {},
  },
  'a caller with an invalid address': {
    medium: 'tcp',
    remote: { address: '127.0.0.1.evil.example' },
    headers: {},
  },
  'a page of another origin': {
    medium: 'http',
    remote: { address: '203.0.113.9' },
    host: 'evil.example',
    path: '/mcp',
    headers: { origin: 'https://evil.example', host: 'evil.example' },
  },
  'a caller with unusual headers': {
    medium: 'http',
    remote: { address: '203.0.113.9' },
    host: ':::',
    path: '//\\..%00',
    headers: {
      authorization: `Bearer ${'x'.repeat(LONG_TEXT_LENGTH)}`,
      origin: 'null',
      cookie: '=;=;',
      'x-api-key': '',
      ['__proto__']: 'x',
      constructor: 'x',
    },
  },
  'a caller with an empty credential': {
    medium: 'ws',
    remote: { address: '203.0.113.9' },
    headers: { authorization: 'Bearer', origin: 'http://localhost.evil.example' },
  },
}

function allHandshakes({ admits, refuses }: GateSubject): [string, Handshake][] {
  return [...Object.entries(admits), ...Object.entries(refuses), ...Object.entries(unknownClients)]
}

async function verdictOf(gate: Gate, handshake: Handshake): Promise<Verdict> {
  const { signal } = new AbortController()
  const verdict = Promise.resolve().then(() => gate.admit(frozen(handshake), signal))
  return await within(verdict, 'the gate settled', GRACE_MS)
}

function frozen(handshake: Handshake): Handshake {
  return Object.freeze({
    ...handshake,
    remote: Object.freeze({ ...handshake.remote }),
    headers: Object.freeze({ ...handshake.headers }),
  })
}

function expectVerdict(verdict: Verdict, name: string): void {
  if (verdict.admit === true) {
    const { expiresAt = 0, revoked } = verdict
    expect(Number.isFinite(expiresAt), `${name}: expiresAt`).toBe(true)
    expect(revoked === undefined || revoked instanceof AbortSignal, `${name}: revoked`).toBe(true)
    return
  }
  expect(verdict.admit, name).toBe(false)
  expect(statuses, name).toContain(verdict.status)
  expect(verdict.reason, name).toMatch(/./)
}
