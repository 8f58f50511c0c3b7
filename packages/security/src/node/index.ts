/**
 * Security of servers on Node: API keys.
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
