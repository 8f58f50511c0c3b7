import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { stdout: ["text: 'hello'"] },
  'gate.ts': { stdout: ["[ 'Ada' ]"] },
  'layers.ts': { stdout: ['{ sum: 2 }\n1 response(s)\norderly end'] },
})
