import { type CertificateSource, certificates, type ExpiringCertificate } from '@mcpwire/security/node'
import { log, logError } from './report.js'

/** The files with the certificates of a bridge that listens. */
export interface ListenCertificateFiles {
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly caFile?: string | undefined
}

/**
 * The certificates in the files, which follow renewals on disk. Logs renewals, rejected ones, and certificates that
 * expire soon.
 *
 * @throws TransportError `INVALID_OPTION` if the files are invalid
 */
export function listenCertificates(files: ListenCertificateFiles, name: string): CertificateSource {
  const source = certificates({
    ...files,
    onError: (error) => logError(name, error, 'client'),
    onExpiring: (certificate) => logExpiry(certificate, name),
  })
  source.onChange(() => log(name, `new certificates are in use (${files.certFile})`))
  return source
}

function logExpiry({ subject, expiresAt, isExpired, file }: ExpiringCertificate, name: string): void {
  // It is logged as an error.
  if (isExpired) return
  const text = `the certificate ${subject} expires on ${new Date(expiresAt).toISOString()}: renew it (${file})`
  log(name, text, 'warn')
}
