import type { AuthInfo, Gate, TlsFacts } from '@mcpwire/core'
import {
  boolean,
  defaultsOf,
  invalidOption,
  list,
  type OptionDefaults,
  optional,
  optionError,
  options,
  rejectOption,
  text,
} from '@mcpwire/core/authoring'
import { matchesAlternativeName, parseNamePattern, valueOfName } from './certificate-names.js'
import { normalizeSubject } from './certificate-subject.js'
import { refusal } from './handshake-headers.js'

/** Options of `mutualTls`. A certificate must match an entry of each list that is given. */
export interface MutualTlsOptions {
  /**
   * Subjects of certificates, such as `CN=alice, O=Example`. All attributes must be given, in any order. Values have case;
   * a comma in one is written `\,`.
   * @defaultValue undefined
   */
  subjects?: readonly string[] | undefined
  /**
   * Alternative names of certificates: DNS names, such as `agent.example`, or with `*.` for one label, and exact names of
   * other types, such as `URI:spiffe://example.com/agent`.
   * @defaultValue undefined
   */
  names?: readonly string[] | undefined
  /**
   * SHA-256 fingerprints of certificates, in hexadecimal with or without colons.
   * @defaultValue undefined
   */
  fingerprints?: readonly string[] | undefined
  /**
   * Whether every certificate from the authorities of the server is admitted, in place of the lists.
   * @defaultValue false
   */
  anyCertificate?: boolean | undefined
}

type OptionalMember = 'subjects' | 'names' | 'fingerprints'

const table = options<MutualTlsOptions, OptionalMember>({
  subjects: optional(list(text())),
  names: optional(list(text())),
  fingerprints: optional(list(text())),
  anyCertificate: boolean(false),
})

/** Defaults of the options of `mutualTls`. */
export const mutualTlsDefaults: OptionDefaults<MutualTlsOptions, OptionalMember> =
  /* @__PURE__ */ defaultsOf(table)

const REQUIRED = 'a client certificate is required'

/**
 * Makes a gate that admits callers with a client certificate that the server has verified (TLS with option `tls.ca` or
 * `tls.caFile` of the server). It works for tcp, WebSocket and HTTP.
 *
 * A caller without TLS or without a verified certificate gets 401, one with another certificate 403. A server behind a
 * proxy that terminates TLS sees no certificates: its callers are refused.
 *
 * The `clientId` is the matching alternative name, else the subject, else the first alternative name, else the
 * fingerprint. `token` is the fingerprint, which is no secret.
 *
 * @throws TransportError `INVALID_OPTION`, also without any list and without `anyCertificate`
 *
 * @example
 * ```ts
 * const tls = { certFile: 'server.pem', keyFile: 'server.key', caFile: 'clients.pem' }
 * const listener = tcpServer({ port: 7000, tls, gate: mutualTls({ names: ['*.agents.example'] }) })
 * ```
 */
export function mutualTls(given: MutualTlsOptions): Gate {
  const settings = table.read(given)
  const subjects = settings.subjects?.map(parseSubject)
  const names = settings.names?.map((name, index) => parseNamePattern(`names[${index}]`, name))
  const fingerprints = settings.fingerprints?.map(parseFingerprint)
  const lists = { subjects, names, fingerprints }
  for (const [option, each] of Object.entries(lists)) {
    if (each?.length === 0) rejectOption(option, 'a list with at least one entry')
  }
  const hasLists = Object.values(lists).some((each) => each !== undefined)
  if (!hasLists && !settings.anyCertificate) {
    throw optionError(
      'subjects',
      'is missing: one of the options "subjects", "names" and "fingerprints" is required',
      {
        hint: 'anyCertificate: true admits every certificate from the authorities of the server',
      },
    )
  }
  if (hasLists && settings.anyCertificate)
    throw optionError('anyCertificate', 'must be left out with the other options')

  return {
    admit({ tls }) {
      if (!tls) return refusal(401, `${REQUIRED}: the connection does not use TLS`)
      const { authorized, fingerprint256, subject, altNames = [] } = tls
      if (authorized !== true || fingerprint256 === undefined) return refusal(401, REQUIRED)
      const name =
        names && altNames.find((each) => names.some((pattern) => matchesAlternativeName(pattern, each)))
      const isListed =
        (!names || name !== undefined) &&
        (!subjects || subjects.includes(normalizeSubject(subject ?? '') ?? '')) &&
        (!fingerprints || fingerprints.includes(normalizeFingerprint(fingerprint256)))
      if (!isListed) return refusal(403, 'the client certificate is not allowed')
      return { admit: true, authInfo: identityOf(tls, name ?? '') }
    },
  }
}

function parseSubject(given: string, index: number): string {
  const needed = 'the subject of a certificate, such as "CN=alice, O=Example"'
  return normalizeSubject(given) ?? invalidOption(`subjects[${index}]`, given, needed)
}

function parseFingerprint(given: string, index: number): string {
  const normal = normalizeFingerprint(given)
  if (/^[\dA-F]{64}$/.test(normal)) return normal
  return invalidOption(`fingerprints[${index}]`, given, 'a SHA-256 fingerprint: 64 hexadecimal digits')
}

function normalizeFingerprint(text: string): string {
  return text.replaceAll(':', '').toUpperCase()
}

function identityOf({ subject, altNames = [], fingerprint256 = '' }: TlsFacts, altName: string): AuthInfo {
  const clientId = valueOfName(altName) || subject || valueOfName(altNames[0] ?? '') || fingerprint256
  const extra = { sub: clientId, fingerprint256, ...(subject !== undefined && { subject }) }
  return { token: fingerprint256, clientId, scopes: [], extra }
}
