import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'first.ts': { stdout: ["text: 'hello'"] },
  'shared-port.ts': { stdout: ['ws://127.0.0.1:'] },
})
