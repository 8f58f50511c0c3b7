/**
 * Security of servers on Node: API keys, and certificates that are renewed.
 *
 * @packageDocumentation
 */
export { apiKey, apiKeyDefaults, type ApiKeyOptions } from './api-key.js'
export {
  apiKeyFile,
  apiKeyFileDefaults,
  type ApiKeyFileGate,
  type ApiKeyFileOptions,
} from './api-key-file.js'
export type { ApiKey, ApiKeys } from './api-key-list.js'
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
