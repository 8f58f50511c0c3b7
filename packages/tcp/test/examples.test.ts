import { testExamples } from '../../../tooling/test-examples.js'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { said: ["text: 'hello'"] },
  'mutual-tls.ts': { said: ['greeter of Ada TLSv1.3'] },
  'token.ts': { said: ["refused the connection (401): a token is required\n[ 'Ada' ]"] },
})
