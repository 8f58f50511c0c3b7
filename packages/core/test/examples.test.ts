import { testExamples } from '../../../tooling/test-examples.js'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { said: ["text: 'hello'"] },
  'gate.ts': { said: ["[ 'Ada' ]"] },
  'layers.ts': { said: ['{ sum: 2 }\n1 response(s)\norderly end'] },
})
