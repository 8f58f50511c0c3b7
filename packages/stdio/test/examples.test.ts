import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'client.ts': { stdout: ["text: 'hello'"] },
  'everything.ts': { stdout: ['SDK 1', 'SDK 2'] },
  'server.ts': { stdout: [], stderr: 'this line goes to standard error\n' },
})
