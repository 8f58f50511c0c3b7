import { testExamples } from '../../../tooling/test-examples.js'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { said: ["text: 'hello'"] },
  'shared-port.ts': { said: ['ws://127.0.0.1:'] },
})
