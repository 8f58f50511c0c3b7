// For applications
export type { Environment, Inheritance } from './environment.js'
export { type GuardStdoutOptions, guardStdout } from './guard-stdout.js'
export type { StderrOption } from './stderr.js'
export {
  checkCommand,
  type StdioClientOptions,
  type StdioClientTransport,
  stdioClient,
  stdioClientDefaults,
} from './stdio-client.js'
export { type StdioServerOptions, stdioServer, stdioServerDefaults } from './stdio-server.js'
