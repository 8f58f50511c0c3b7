/*
 * How new certificates come into use:
 *
 *   change of a file, or checkIntervalMs ─▶ read ─▶ as in use: nothing
 *                                            │
 *                                            ├─▶ other than at the last reading: read again after settleMs
 *                                            │
 *                                            └─▶ as at the last reading: check ─▶ in use, onChange
 *                                                                          └────▶ rejected, onError; the old ones stay
 *
 * A writer replaces the certificate and the key one after the other. Only files that are the same after `settleMs` are
 * checked, so that such a change is not reported as a key of another certificate.
 */
import { resolve } from 'node:path'
import { type Clock, isTransportError, type TlsSource, TransportError } from '@mcpwire/core'
import {
  backgroundClock,
  callback,
  defaultsOf,
  guarded,
  ignore,
  inRange,
  type OptionDefaults,
  objectWith,
  optional,
  optionError,
  options,
  rejectOption,
  text,
  toError,
} from '@mcpwire/core/authoring'
import { type ExpiringCertificate, expiryReporter } from './certificate-expiry.js'
import { type CertificatePaths, readFilesSync } from './certificate-files.js'
import { type CheckedMaterial, checkMaterial, type MaterialFiles } from './certificate-material.js'
import { followFiles } from './settled-files.js'

/** Options of `certificates`. `certFile` and `keyFile`, or `caFile`, or all of them. */
export interface CertificatesOptions {
  /**
   * File with the certificate of this end, followed by its intermediates, in PEM.
   * @defaultValue undefined
   */
  certFile?: string | undefined
  /**
   * File with the private key of the certificate, in PEM.
   * @defaultValue undefined
   */
  keyFile?: string | undefined
  /**
   * File with the authorities (CAs) that verify the certificate of the other end, in PEM.
   * @defaultValue undefined
   */
  caFile?: string | undefined
  /**
   * Passphrase of an encrypted private key.
   * @defaultValue undefined
   */
  passphrase?: string | undefined
  /**
   * Called once for each problem: new files that were rejected, a chain that may be incomplete, a certificate in use
   * that has expired.
   * @defaultValue undefined
   */
  onError?: ((error: Error) => void) | undefined
  /**
   * Called with each certificate in use, and each of its intermediates, once before it expires and once when it has
   * expired.
   * @defaultValue undefined
   */
  onExpiring?: ((certificate: ExpiringCertificate) => void) | undefined
  /**
   * Time between the first call of `onExpiring` and the expiry, in milliseconds. At most a third of the lifetime of the
   * certificate.
   * @defaultValue 2_592_000_000
   */
  expiryWarningMs?: number | undefined
  /**
   * Time without a further change before new files are used, in milliseconds.
   * @defaultValue 1_000
   */
  settleMs?: number | undefined
  /**
   * Interval of the checks for changes and for the expiry, in milliseconds. Most changes are noticed at once, by
   * notifications of the file system.
   * @defaultValue 60_000
   */
  checkIntervalMs?: number | undefined
  /**
   * Source of time. The default does not keep the process alive.
   * @defaultValue backgroundClock
   */
  clock?: Clock | undefined
}

const DAY_MS = 86_400_000

type OptionalMember = 'certFile' | 'keyFile' | 'caFile' | 'passphrase' | 'onError' | 'onExpiring'

const table = options<CertificatesOptions, OptionalMember>({
  certFile: optional(text()),
  keyFile: optional(text()),
  caFile: optional(text()),
  passphrase: optional(text()),
  onError: optional(callback()),
  onExpiring: optional(callback()),
  expiryWarningMs: inRange(0, Infinity, 30 * DAY_MS),
  settleMs: inRange(1, 60_000, 1_000),
  checkIntervalMs: inRange(100, DAY_MS, 60_000),
  clock: objectWith<Clock, Clock>(['now', 'epochNow', 'deadline'], 'a Clock', backgroundClock),
})

/** The defaults of `certificates`. */
export const certificatesDefaults: OptionDefaults<CertificatesOptions, OptionalMember> =
  /* @__PURE__ */ defaultsOf(table)

/** Certificates in files, for the option `tls.source`. Dispose of it to end the watch of the files. */
export interface CertificateSource extends Required<TlsSource>, Disposable {}

/**
 * A source of certificates that reads files, checks them, and follows their renewal on disk: files written in place or
 * replaced, and links to other folders, as in a mounted Kubernetes secret.
 *
 * It checks the form, the validity, the key, the order of the chain, and for RSA keys below 2048 bits and signatures with
 * SHA-1. New files that do not pass are reported, and the ones in use stay in use. After the disposal, `current()`
 * still returns the last material.
 *
 * @throws TransportError `INVALID_OPTION` with the option and the file
 * @example
 * ```ts
 * const source = certificates({
 *   certFile: '/etc/tls/tls.crt',
 *   keyFile: '/etc/tls/tls.key',
 *   onError: (error) => console.error(error.message),
 *   onExpiring: ({ subject, expiresAt }) => console.warn(`${subject} expires on ${new Date(expiresAt)}`),
 * })
 * const listener = tcpServer({ port: 7000, tls: { source } })
 * ```
 */
export function certificates(given: CertificatesOptions): CertificateSource {
  const settings = table.read(given)
  const { certFile, keyFile, caFile, passphrase, clock, onError, onExpiring } = settings
  if (certFile === undefined && caFile === undefined) rejectOption('certFile', 'given, or option "caFile"')
  if (certFile !== undefined && keyFile === undefined) rejectOption('keyFile', 'given with option "certFile"')
  if (keyFile !== undefined && certFile === undefined) rejectOption('certFile', 'given with option "keyFile"')
  if (passphrase !== undefined && keyFile === undefined)
    rejectOption('passphrase', 'left out without option "keyFile"')

  const changeListeners = new Set<() => void>()
  const errorListeners = new Set<(error: Error) => void>()
  if (onError) errorListeners.add(onError)
  const report = (error: Error): void => {
    for (const listener of [...errorListeners]) guarded(() => listener(error), ignore)
  }
  const load = (files: MaterialFiles, before: CheckedMaterial['chain']): CheckedMaterial =>
    checkMaterial(files, { passphrase, now: clock.epochNow(), before })

  const paths = absolute({ certFile, keyFile, caFile })
  const { digest, ...files } = readFilesSync(paths)
  let inUse = load(files, [])
  let rejection: Error | undefined
  let isReported = false
  const checkExpiry = expiryReporter(settings.expiryWarningMs, (certificate) => {
    if (certificate.isExpired) report(expired(certificate, String(paths.certFile)))
    if (onExpiring) guarded(() => onExpiring({ ...certificate, file: String(paths.certFile) }), ignore)
  })
  const following = followFiles(paths, digest, settings, {
    use: (state) => {
      try {
        if ('error' in state) throw state.error
        inUse = load(state.files, inUse.chain)
      } catch (cause) {
        const error = rejected(toError(cause))
        if (error.message !== rejection?.message) report(error)
        rejection = error
        return false
      }
      rejection = undefined
      if (inUse.warning) report(inUse.warning)
      for (const listener of [...changeListeners]) guarded(listener, (error) => report(toError(error)))
      return true
    },
    unchanged: () => {
      rejection = undefined
    },
    check: () => {
      // The callbacks may use the result of the factory, which has returned by now.
      if (inUse.warning && !isReported) report(inUse.warning)
      isReported = true
      checkExpiry(inUse.chain, clock.epochNow())
    },
  })
  return {
    current: () => inUse.material,
    onChange: (listener) => subscribe(changeListeners, () => listener()),
    onError: (listener) => {
      const own = (error: Error): void => listener(error)
      // A server that starts later reports the present problems too.
      for (const error of isReported ? [inUse.warning, rejection] : [])
        if (error) queueMicrotask(() => errorListeners.has(own) && guarded(() => own(error), ignore))
      return subscribe(errorListeners, own)
    },
    [Symbol.dispose]: following[Symbol.dispose],
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): Disposable {
  listeners.add(listener)
  return { [Symbol.dispose]: () => void listeners.delete(listener) }
}

/** The directory of the process may change. */
function absolute(paths: CertificatePaths): CertificatePaths {
  return Object.fromEntries(Object.entries(paths).map(([option, file]) => [option, file && resolve(file)]))
}

function rejected(cause: Error): Error {
  const option = isTransportError(cause, 'INVALID_OPTION') ? cause.details.option : 'certFile'
  const message = `new certificates were rejected, and the ones in use stay in use: ${cause.message}`
  return new TransportError('INVALID_OPTION', message, { option }, { cause })
}

function expired({ subject, expiresAt }: Omit<ExpiringCertificate, 'file'>, file: string): Error {
  const since = new Date(expiresAt).toISOString()
  return optionError(
    'certFile',
    `has an expired certificate, which is in use: ${subject} expired on ${since} (${file})`,
  )
}
