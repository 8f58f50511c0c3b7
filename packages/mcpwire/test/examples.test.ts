import { testExamples } from '../../../tooling/test-examples.js'

testExamples(new URL('../examples/', import.meta.url), {
  'endpoint.ts': { said: ["'get-sum'"] },
})
