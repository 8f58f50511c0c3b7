import type { X509Certificate } from 'node:crypto'
import { expiryOf, nameOf, startOf } from './certificate-details.js'

/** A certificate in use that expires soon, or that has expired. */
export interface ExpiringCertificate {
  /** The subject as one line. The names or the serial number where there is no subject. */
  readonly subject: string
  readonly serialNumber: string
  /** SHA-256 of the certificate, in upper-case hexadecimal with colons. */
  readonly fingerprint256: string
  /** The file that it was read from. */
  readonly file: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  readonly isExpired: boolean
}

/** Short-lived certificates are usually renewed after two thirds of their lifetime. */
const WARNED_FRACTION = 2 / 3

/**
 * Makes a function that reports each certificate of a chain once before it expires, and once when it has expired. Call
 * it from time to time, with the chain in use.
 */
export function expiryReporter(
  expiryWarningMs: number,
  report: (certificate: Omit<ExpiringCertificate, 'file'>) => void,
): (chain: readonly X509Certificate[], now: number) => void {
  let reported = new Map<string, boolean>()
  return (chain, now) => {
    const due: Omit<ExpiringCertificate, 'file'>[] = []
    const inUse = new Map<string, boolean>()
    for (const certificate of chain) {
      const { serialNumber, fingerprint256 } = certificate
      const [start, expiresAt] = [startOf(certificate), expiryOf(certificate)]
      const before = reported.get(fingerprint256)
      const warnedAt = Math.max(expiresAt - expiryWarningMs, start + (expiresAt - start) * WARNED_FRACTION)
      const isExpired = now >= expiresAt
      if (now < warnedAt && !isExpired) continue
      inUse.set(fingerprint256, isExpired)
      if (before === undefined || (isExpired && !before))
        due.push({ subject: nameOf(certificate), serialNumber, fingerprint256, expiresAt, isExpired })
    }
    reported = inUse
    for (const each of due) report(each)
  }
}
