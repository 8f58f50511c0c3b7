import type { SecureContextOptions } from 'node:tls'
import {
  type OptionalRule,
  type OptionRules,
  type OptionSettings,
  oneOf,
  optional,
  rejectOption,
  rule,
} from '../authoring.js'
import type { TlsEndOptions, TlsMaterial, TlsSource, TlsVersion } from '../index.js'
import { checkedMaterial, givenParts } from './tls-material.js'

/** The protocol that both ends negotiate in the TLS handshake (ALPN, RFC 7301). */
export const ALPN_PROTOCOL = 'mcp'

type MaterialOption = 'cert' | 'certFile' | 'key' | 'keyFile' | 'passphrase' | 'ca' | 'caFile'
/** The TLS options of both ends that have no default. */
export type OptionalTlsOption = MaterialOption | 'source'

/** `checkedMaterial` checks the parts of the material together. Its errors contain no content. */
const checkedLater: OptionalRule<never> = optional<never>(rule(() => {}))

/** The TLS options of both ends. Not a table, so that a bundle for one end has only the table of that end. */
export const tlsEndRules: OptionRules<TlsEndOptions, OptionalTlsOption> = {
  cert: checkedLater,
  certFile: checkedLater,
  key: checkedLater,
  keyFile: checkedLater,
  passphrase: checkedLater,
  ca: checkedLater,
  caFile: checkedLater,
  source: checkedLater,
  minVersion: oneOf<TlsVersion, TlsVersion>(['TLSv1.2', 'TLSv1.3'], 'TLSv1.3'),
}

/** TLS settings of one end, after their checks. */
export interface TlsEnd {
  /** The current material, checked. Throws `INVALID_OPTION` when a source returns invalid material. */
  readonly current: () => SecureContextOptions
  readonly source: TlsSource | undefined
  readonly minVersion: TlsVersion
}

type EndSettings = OptionSettings<TlsEndOptions, OptionalTlsOption>

/** Reads and checks the material of one end. */
export function tlsEndOf(options: EndSettings): TlsEnd {
  const { minVersion, source } = options
  if (source === undefined) {
    const fixed = checkedMaterial(options)
    return { current: () => fixed, source, minVersion }
  }
  if (!isTlsSource(source)) rejectOption('tls.source', 'a TlsSource')
  const [part] = givenParts(options)
  if (part !== undefined) rejectOption(`tls.${part}`, 'left out when option "tls.source" is given')
  const current = (): SecureContextOptions => checkedMaterial(materialOf(source))
  current()
  return { current, source, minVersion }
}

function isTlsSource(value: Partial<TlsSource> | null): boolean {
  const { current, onChange, onError = onChange } = value ?? {}
  return [current, onChange, onError].every((method) => typeof method === 'function')
}

function materialOf(source: TlsSource): TlsMaterial {
  let material: TlsMaterial
  try {
    material = source.current()
  } catch (cause) {
    return rejectOption('tls.source', 'a TlsSource whose current() does not throw', cause)
  }
  if (typeof material !== 'object' || material === null)
    rejectOption('tls.source', 'a TlsSource whose current() returns material')
  return material
}
