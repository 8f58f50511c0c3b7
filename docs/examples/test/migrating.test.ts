import { runPrograms } from '../support/run-programs.js'

runPrograms(new URL('../after/', import.meta.url), {
  'allowed-hosts.ts': { prints: ['rebound name 403', 'foreign page 403', 'allowed page 400'] },
  'express-server.ts': { prints: ['hello'] },
  'http-client.ts': { prints: ["text: 'hello'"] },
  'in-memory.ts': { prints: ["text: 'hello'"] },
  'sse-client.ts': { prints: ["text: 'hello'"] },
  'stateless-server.ts': { prints: ["text: 'hello'", 'undefined'] },
  'stdio-client.ts': { prints: ["text: 'hello'"], process: true },
  'stdio-server.ts': { prints: [], process: true },
  'v2-client.ts': { prints: ["text: 'hello'"], process: true },
  'v2-server.ts': { prints: ['hello'] },
  'v2-stdio-server.ts': { prints: [], process: true },
  'websocket-client.ts': { prints: ["text: 'hello'"] },
})
