export type { ExpiringCertificate } from './certificate-expiry.js'
export {
  type CertificateSource,
  type CertificatesOptions,
  certificates,
  certificatesDefaults,
} from './certificates.js'
export {
  type DevelopmentCertificate,
  type DevelopmentCertificateOptions,
  developmentCertificate,
  developmentCertificateDefaults,
} from './development-certificate.js'
