import type { Gate, Handshake, Verdict } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { within } from './waiting.js'

const PATIENCE_MS = 5_000
const LONG_TEXT_LENGTH = 100_000
const statuses: readonly unknown[] = [401, 403, 421, 429, 503]

/** A gate, as the gate suite needs to know it. */
export interface GateSubject {
  /** Makes the gate anew. */
  readonly gate: () => Gate | Promise<Gate>
  /** Callers it admits, each under a name to show. */
  readonly admits: Readonly<Record<string, Handshake>>
  /** Callers it refuses, each under a name to show. */
  readonly refuses: Readonly<Record<string, Handshake>>
  /** Whether it admits callers that present nothing at all. Without it, they must be refused. */
  readonly admitsUnknownClients?: boolean
  /** Texts that no refusal may repeat, such as the tokens in `admits` and `refuses`. */
  readonly secrets?: readonly string[]
  /** Releases what the gates needed. Called after each case. */
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
    title: 'admits whom it should',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(subject.admits)) {
        expect((await ask(gate, handshake)).admit, name).toBe(true)
      }
    },
  },
  {
    title: 'refuses whom it should',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(subject.refuses)) {
        expect((await ask(gate, handshake)).admit, name).toBe(false)
      }
    },
  },
  {
    title: 'answers with an admission or a refusal and nothing else',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of everybody(subject)) expectVerdict(await ask(gate, handshake), name)
    },
  },
  {
    title:
      'answers callers that present nothing, too much or nonsense, and admits them only if it admits anybody',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(strangers)) {
        const verdict = await ask(gate, handshake)
        expectVerdict(verdict, name)
        if (!subject.admitsUnknownClients) expect(verdict.admit, name).toBe(false)
      }
    },
  },
  {
    title: 'decides about each of many callers at once by what that one presents',
    run: async (subject) => {
      const gate = await subject.gate()
      const callers = [
        ...Object.values(subject.admits).map((handshake) => ({ handshake, isGood: true })),
        ...Object.values(subject.refuses).map((handshake) => ({ handshake, isGood: false })),
      ]
      const verdicts = await Promise.all(callers.map(({ handshake }) => ask(gate, handshake)))
      expect(verdicts.map(({ admit }) => admit)).toEqual(callers.map(({ isGood }) => isGood))
    },
  },
  {
    title: 'leaves what it is shown as it is',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of everybody(subject)) {
        const before = JSON.stringify(handshake)
        await ask(gate, handshake)
        expect(JSON.stringify(handshake), name).toBe(before)
      }
    },
  },
  {
    title: 'repeats no secret in a refusal',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of everybody(subject)) {
        const verdict = await ask(gate, handshake)
        if (verdict.admit) continue
        for (const secret of subject.secrets ?? []) {
          expect(JSON.stringify(verdict).includes(secret), `${name}: a secret in the refusal`).toBe(false)
        }
      }
    },
  },
  {
    title: 'settles when its signal aborts, and admits nobody by that',
    run: async (subject) => {
      const gate = await subject.gate()
      for (const [name, handshake] of Object.entries(subject.refuses)) {
        const signal = AbortSignal.abort(new Error('too late'))
        const asked = Promise.resolve()
          .then(() => gate.admit(frozen(handshake), signal))
          .then(
            (verdict) => verdict.admit,
            () => false,
          )
        expect(await within(asked, `${name}: the gate settled`, PATIENCE_MS), name).toBe(false)
      }
    },
  },
]

/** Registers the gate suite with vitest. */
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

const strangers: Readonly<Record<string, Handshake>> = {
  'one of whom nothing is known': { medium: 'tcp', remote: {}, headers: {} },
  'one from another host': { medium: 'tcp', remote: { address: '203.0.113.9', port: 1 }, headers: {} },
  'one from another host, mapped': { medium: 'tcp', remote: { address: '::ffff:203.0.113.9' }, headers: {} },
  'one with an address that is none': {
    medium: 'tcp',
    remote: { address: '127.0.0.1.evil.example' },
    headers: {},
  },
  'one from a page elsewhere': {
    medium: 'http',
    remote: { address: '203.0.113.9' },
    host: 'evil.example',
    path: '/mcp',
    headers: { origin: 'https://evil.example', host: 'evil.example' },
  },
  'one with headers of all kinds': {
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
  'one with a credential that is none': {
    medium: 'ws',
    remote: { address: '203.0.113.9' },
    headers: { authorization: 'Bearer', origin: 'http://localhost.evil.example' },
  },
}

function everybody({ admits, refuses }: GateSubject): [string, Handshake][] {
  return [...Object.entries(admits), ...Object.entries(refuses), ...Object.entries(strangers)]
}

async function ask(gate: Gate, handshake: Handshake): Promise<Verdict> {
  const { signal } = new AbortController()
  const asked = Promise.resolve().then(() => gate.admit(frozen(handshake), signal))
  return await within(asked, 'the gate answered', PATIENCE_MS)
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
