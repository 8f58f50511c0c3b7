import { testExamples } from '../../../tooling/test-examples.js'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { said: ["text: 'hello'"] },
  'token.ts': { said: ['greeter of Ada', 'a token is required'] },
})
