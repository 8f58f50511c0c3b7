import {
  invalidOption,
  type KnownOptions,
  requireInteger,
  requireKnownOptions,
  resolveOptions,
} from '@mcpwire/core/authoring'

/** How messages are compressed (permessage-deflate, RFC 7692), once both ends have agreed to it. */
export interface DeflateOptions {
  /**
   * Shortest message that is compressed, in bytes.
   * @defaultValue 1_024
   */
  thresholdBytes?: number | undefined
  /**
   * Whether what earlier messages held helps to compress later ones. Takes some 300 KiB for each connection.
   * @defaultValue false
   */
  contextTakeover?: boolean | undefined
}

/** What compression uses for options that are not given. */
export const deflateDefaults: { readonly thresholdBytes: 1_024; readonly contextTakeover: false } = {
  thresholdBytes: 1_024,
  contextTakeover: false,
}

const known: KnownOptions<DeflateOptions> = deflateDefaults

/** Those options after their defaults. */
export interface Deflate {
  readonly thresholdBytes: number
  readonly contextTakeover: boolean
}

/** Compression with its defaults, or nothing where none is asked for. */
export function deflateOf(options: DeflateOptions | undefined): Deflate | undefined {
  return options && resolveOptions(deflateDefaults, options)
}

/** Throws `INVALID_OPTION` unless the options can work. */
export function requireDeflate(options: DeflateOptions): void {
  requireKnownOptions(options, known, 'deflate')
  const { thresholdBytes, contextTakeover } = resolveOptions(deflateDefaults, options)
  requireInteger('deflate.thresholdBytes', thresholdBytes, 0, Infinity)
  if (typeof contextTakeover !== 'boolean')
    invalidOption('deflate.contextTakeover', contextTakeover, 'true or false')
}
