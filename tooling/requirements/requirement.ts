/** The revisions of MCP, oldest first. */
export const revisions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const

/** One revision of MCP. */
export type Revision = (typeof revisions)[number]

/** The revisions from `first` to `last`, both included. */
export interface Span {
  readonly first: Revision
  readonly last: Revision
}

/**
 * The part that keeps a rule: `transport`, these packages; `sdk`, the MCP SDK or other code that makes the messages;
 * `application`, the program that uses both; `gate`, a `Gate` or `HttpHooks` implementation; `authorization`, an OAuth
 * client or an authorization server; `intermediary`, a proxy or gateway.
 */
type Owner = 'transport' | 'sdk' | 'application' | 'gate' | 'authorization' | 'intermediary'

/** One rule of MCP. */
export interface Requirement {
  /** What tests cite it by. */
  readonly id: string
  readonly revisions: Span
  readonly owner: Owner
  /** The packages that keep it, where a transport does. */
  readonly packages?: readonly string[]
  readonly rule: string
}

/** The revisions from `first` to `last`. */
export function span(first: Revision, last: Revision): Span {
  return { first, last }
}

/** Every revision. */
export const all: Span = span('2024-11-05', '2026-07-28')

/** The revisions whose conversations begin with `initialize`. */
export const beforeStateless: Span = span('2024-11-05', '2025-11-25')

/** The revisions with sessions over Streamable HTTP. */
export const sessionEras: Span = span('2025-03-26', '2025-11-25')

/** The revision without handshake. */
export const stateless: Span = span('2026-07-28', '2026-07-28')
