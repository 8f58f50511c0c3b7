import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'endpoint.ts': { stdout: ["'get-sum'"] },
})
