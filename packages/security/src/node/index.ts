/**
 * Security of servers on Node: API keys, tokens, and certificates that are renewed.
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
export type { PublicKey, SharedSecret } from './tokens/fixed-keys.js'
export { introspection, introspectionDefaults, type IntrospectionOptions } from './tokens/introspection.js'
export { jwtVerifier, jwtVerifierDefaults, type JwtVerifierOptions } from './tokens/jwt-verifier.js'
export type { KeyHint, KeySource } from './tokens/key-source.js'
export {
  discoverKeySet,
  remoteKeySet,
  remoteKeySetDefaults,
  type RemoteKeySetOptions,
} from './tokens/remote-key-set.js'
export type { Fetch } from './tokens/bounded-fetch.js'
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
export { proxyProtocol, proxyProtocolDefaults, type ProxyProtocolOptions } from './proxy-protocol.js'
