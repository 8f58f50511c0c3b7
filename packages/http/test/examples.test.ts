import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'express.ts': { stdout: ['greeter'] },
  'fastify.ts': { stdout: ['greeter'] },
  'first.ts': { stdout: ["text: 'hello'"] },
  'hono.ts': { stdout: ['greeter'] },
  'node-http.ts': { stdout: ['greeter'] },
  'oauth-v1.ts': { stdout: ["text: 'hello'"] },
  'oauth-v2.ts': { stdout: ["text: 'hello'", '2 tokens were requested'] },
})
