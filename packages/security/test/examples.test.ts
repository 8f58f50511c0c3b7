import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'any-of.ts': {
    stdout: ['indexer.agents.example\n', 'ada\n', 'refused the connection (401): a bearer token is required'],
  },
  'keys.ts': { stdout: ['admitted: laptop', 'refused: 401 an API key is required in the header x-api-key'] },
})
