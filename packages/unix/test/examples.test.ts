import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { stdout: ["text: 'hello'"] },
  'token.ts': { stdout: ['greeter of Ada', 'a token is required'] },
})
