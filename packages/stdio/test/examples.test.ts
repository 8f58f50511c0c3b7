import { testExamples } from '../../../tooling/test-examples.js'

testExamples(new URL('../examples/', import.meta.url), {
  'client.ts': { said: ["text: 'hello'"] },
  'everything.ts': { said: ['SDK 1', 'SDK 2'] },
  'server.ts': { said: [], complained: 'this line goes to standard error\n' },
})
