import { type Admission, type Gate, isRequest, type JsonRpcRequest, type Refusal } from '@mcpwire/core'
import { invalidOption, type OptionTable, optional, options, rule } from '@mcpwire/core/authoring'
import { bearerChallenge, type ChallengeParameters, requireChallenge } from '../challenge.js'

/** Names of methods or tools, and the scopes that each requires. */
export type ScopesByName = Readonly<Record<string, string | readonly string[]>>

/** Options of `requireScopes`. */
export interface RequireScopesOptions {
  /**
   * The scopes that every caller needs, to connect at all.
   * @defaultValue undefined
   */
  all?: readonly string[] | undefined
  /**
   * The scopes for each method, such as `{ 'resources/read': 'mcp:read' }`. Other methods require none.
   * @defaultValue undefined
   */
  methods?: ScopesByName | undefined
  /**
   * The scopes for calls of each tool, by its name. They are required besides those of the method `tools/call`.
   * @defaultValue undefined
   */
  tools?: ScopesByName | undefined
  /**
   * Parameters for the challenge of a refusal, such as the `challenge` of `protectedResource()`.
   * @defaultValue undefined
   */
  challenge?: ChallengeParameters | undefined
}

type OptionalMember = 'all' | 'methods' | 'tools' | 'challenge'

/** A scope: visible ASCII without quotation marks and backslashes (RFC 6749, section 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

const scopeList = rule<readonly string[]>((option, value) => {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isScope))
    invalidOption(option, value, 'a list of scopes, such as ["mcp:read"]')
})

const scopesByName = rule<ScopesByName>((option, value) => {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isRecord) invalidOption(option, value, 'an object with scopes for each name')
  for (const [name, scopes] of Object.entries(value)) {
    const each = typeof scopes === 'string' ? [scopes] : scopes
    if (!Array.isArray(each) || each.length === 0 || !each.every(isScope))
      invalidOption(`${option}[${JSON.stringify(name)}]`, scopes, 'a scope or a list of scopes')
  }
})

const table: OptionTable<RequireScopesOptions, OptionalMember> = options<
  RequireScopesOptions,
  OptionalMember
>({
  all: optional(scopeList),
  methods: optional(scopesByName),
  tools: optional(scopesByName),
  challenge: optional(rule<ChallengeParameters>(requireChallenge)),
})

/**
 * Makes a gate that requires scopes: of every caller, and of each request by its method and tool. Put it behind a gate that
 * verifies a credential, in `allOf()`: it reads the scopes of the `authInfo` that this gate has admitted, and refuses
 * callers without one. A refusal has status 403, and its challenge names the scopes to ask for (RFC 6750, section 3.1).
 *
 * @throws TransportError `INVALID_OPTION`
 *
 * @example
 * ```ts
 * const gate = allOf(bearer(verifier), requireScopes({ tools: { delete_page: 'pages:write' } }))
 * ```
 */
export function requireScopes(given: RequireScopesOptions): Gate {
  const { all = [], methods, tools, challenge } = table.read(given)
  if (all.length === 0 && !methods && !tools)
    invalidOption('all', undefined, 'at least one of the options all, methods and tools')
  const byMethod = mapOf(methods)
  const byTool = mapOf(tools)
  const refusalFor = (
    { authInfo }: Pick<Admission, 'authInfo'>,
    needed: readonly string[],
  ): Refusal | undefined => {
    const granted = authInfo?.scopes ?? []
    if (needed.every((scope) => granted.includes(scope))) return undefined
    return insufficient(granted, needed, challenge)
  }
  return {
    admit(_handshake, _signal, before) {
      if (!before?.authInfo) return noCredential(challenge)
      return refusalFor(before, all) ?? { admit: true }
    },
    ...((byMethod.size > 0 || byTool.size > 0) && {
      admitMessage(message: JsonRpcRequest, _handshake: unknown, admission: Admission) {
        if (!isRequest(message)) return undefined
        const ofMethod = byMethod.get(message.method)
        const ofTool = message.method === 'tools/call' ? byTool.get(message.params?.['name']) : undefined
        if (!ofMethod && !ofTool) return undefined
        return refusalFor(admission, [...(ofMethod ?? []), ...(ofTool ?? [])])
      },
    }),
  }
}

/** A `Map`, since a name may be `__proto__`. */
function mapOf(scopes: ScopesByName | undefined): ReadonlyMap<unknown, readonly string[]> {
  return new Map(
    Object.entries(scopes ?? {}).map(([name, each]) => [name, typeof each === 'string' ? [each] : each]),
  )
}

/** The challenge names what the client has besides what it needs: it would lose the former otherwise (SEP-835). */
function insufficient(
  granted: readonly string[],
  needed: readonly string[],
  parameters: ChallengeParameters | undefined,
): Refusal {
  const missing = needed.filter((scope) => !granted.includes(scope))
  const reason = `the token lacks the scope ${[...new Set(missing)].join(' ')}`
  const scope = [...new Set([...granted.filter((each) => SCOPE.test(each)), ...needed])].join(' ')
  const fault = { error: 'insufficient_scope', error_description: reason } as const
  const challenge = bearerChallenge({ ...parameters, scope }, fault)
  return { admit: false, status: 403, reason, challenge }
}

function noCredential(parameters: ChallengeParameters | undefined): Refusal {
  const reason =
    'a credential is required: requireScopes() found none; in allOf(), put the gate that verifies it first'
  return { admit: false, status: 401, reason, challenge: bearerChallenge(parameters) }
}

function isScope(value: unknown): boolean {
  return typeof value === 'string' && SCOPE.test(value)
}
