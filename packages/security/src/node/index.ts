/**
 * The parts of security that need Node: tokens.
 *
 * @packageDocumentation
 */
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
