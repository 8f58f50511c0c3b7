import type { Admission, Gate, Handshake, Refusal, Verdict } from '@mcpwire/core'
import { expect } from 'vitest'

/** A caller over HTTP. */
export function httpCaller(
  headers: Readonly<Record<string, string>> = {},
  more: Partial<Handshake> = {},
): Handshake {
  return {
    medium: 'http',
    remote: { address: '192.0.2.7', port: 5_000 },
    host: 'mcp.example',
    path: '/mcp',
    method: 'POST',
    scheme: 'https',
    headers,
    ...more,
  }
}

/** The verdict of a gate. */
export async function verdictOf(gate: Gate, handshake: Handshake, before?: Admission): Promise<Verdict> {
  return await gate.admit(handshake, new AbortController().signal, before)
}

/** The admission of a gate, which must not refuse. */
export async function admissionOf(gate: Gate, handshake: Handshake): Promise<Admission> {
  const verdict = await verdictOf(gate, handshake)
  expect(verdict).toMatchObject({ admit: true })
  return verdict as Admission
}

/** The refusal of a gate, which must not admit. */
export async function refusalOf(gate: Gate, handshake: Handshake): Promise<Refusal> {
  const verdict = await verdictOf(gate, handshake)
  expect(verdict).toMatchObject({ admit: false })
  return verdict as Refusal
}
