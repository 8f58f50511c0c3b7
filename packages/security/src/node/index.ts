export type { ExpiringCertificate } from './certificate-expiry.js'
export {
  type CertificateSource,
  type CertificatesOptions,
  certificates,
  certificatesDefaults,
} from './certificates.js'
