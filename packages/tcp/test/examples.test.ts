import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { stdout: ["text: 'hello'"] },
  'mutual-tls.ts': { stdout: ['greeter of Ada TLSv1.3'] },
  'token.ts': { stdout: ["refused the connection (401): a token is required\n[ 'Ada' ]"] },
})
