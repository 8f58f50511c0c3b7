import { testExamples } from '../../../tooling/test-examples.js'

testExamples(new URL('../examples/', import.meta.url), {
  'express.ts': { said: ['greeter'] },
  'fastify.ts': { said: ['greeter'] },
  'first.ts': { said: ["text: 'hello'"] },
  'hono.ts': { said: ['greeter'] },
  'node-http.ts': { said: ['greeter'] },
  'oauth-v1.ts': { said: ["text: 'hello'"] },
  'oauth-v2.ts': { said: ["text: 'hello'", '2 tokens were requested'] },
})
