import type { Admission, AuthInfo, Gate, JsonRpcRequest, Refusal } from '@mcpwire/core'
import { describe, expect, test } from 'vitest'
import { requireScopes } from '../src/index.js'
import { handshake } from './support/tokens.js'

const { signal } = new AbortController()
const authInfo = (...scopes: string[]): AuthInfo => ({ token: 't0ken', clientId: 'a', scopes })
const admitted = (...scopes: string[]): Admission => ({ admit: true, authInfo: authInfo(...scopes) })
const request = (method: string, name?: unknown): JsonRpcRequest => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  ...(name !== undefined && { params: { name } as Record<string, unknown> }),
})

function ask(gate: Gate, message: JsonRpcRequest, admission: Admission): unknown {
  return gate.admitMessage?.(message, handshake, admission, signal)
}

describe('requireScopes()', () => {
  test('refuses a caller that no earlier gate has identified', () => {
    const gate = requireScopes({ all: ['mcp:read'] })
    expect(gate.admit(handshake, signal)).toMatchObject({ admit: false, status: 401 })
    expect(gate.admit(handshake, signal, { admit: true })).toMatchObject({ admit: false, status: 401 })
    expect(gate.admitMessage).toBeUndefined()
  })

  test('refuses a caller without the scopes for all', () => {
    const challenge = { resource_metadata: 'https://mcp.example.com/.well-known/oauth-protected-resource' }
    const gate = requireScopes({ all: ['mcp:read'], challenge })
    expect(gate.admit(handshake, signal, admitted('mcp:read', 'x'))).toEqual({ admit: true })
    expect(gate.admit(handshake, signal, admitted('x'))).toEqual({
      admit: false,
      status: 403,
      reason: 'the token lacks the scope mcp:read',
      challenge:
        'Bearer error="insufficient_scope", error_description="the token lacks the scope mcp:read", ' +
        'scope="x mcp:read", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource"',
    } satisfies Refusal)
  })

  test.each<[string, unknown, string[], boolean]>([
    ['tools/list', undefined, [], true],
    ['tools/call', 'read', [], false],
    ['tools/call', 'read', ['call'], true],
    ['tools/call', 'delete', ['call'], false],
    ['tools/call', 'delete', ['write', 'admin'], false],
    ['tools/call', 'delete', ['call', 'write', 'admin'], true],
    ['prompts/get', 'delete', [], true],
    ['tools/call', '__proto__', ['call'], true],
    ['tools/call', 'constructor', ['call'], true],
    ['tools/call', ['delete'], ['call'], true],
    ['constructor', undefined, [], true],
  ])('%s %j with the scopes %j: %s', (method, name, scopes, isAdmitted) => {
    const gate = requireScopes({ methods: { 'tools/call': 'call' }, tools: { delete: ['write', 'admin'] } })
    const answer = ask(gate, request(method, name), admitted(...scopes))
    if (isAdmitted) expect(answer).toBeUndefined()
    else expect(answer).toMatchObject({ admit: false, status: 403 })
  })

  test('requires scopes for a tool with the name __proto__', () => {
    const tools = JSON.parse('{"__proto__":"admin"}') as Record<string, string>
    const gate = requireScopes({ tools })
    expect(ask(gate, request('tools/call', '__proto__'), admitted())).toMatchObject({ status: 403 })
  })

  test.each<[object, string]>([
    [{}, 'all'],
    [{ all: [] }, 'all'],
    [{ all: ['a b'] }, 'all'],
    [{ all: ['a"'] }, 'all'],
    [{ methods: { 'tools/call': [] } }, 'methods["tools/call"]'],
    [{ tools: { a: [7] } }, 'tools["a"]'],
    [{ tools: ['a'] }, 'tools'],
    [{ tool: {} }, 'tool'],
  ])('%j is an error', (options, option) => {
    expect(() => requireScopes(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', details: expect.objectContaining({ option }) }),
    )
  })
})
