import { testExamples } from '@mcpwire/test-support/example-programs'

testExamples(new URL('../examples/', import.meta.url), {
  'any-of.ts': {
    stdout: ['indexer.agents.example\n', 'ada\n', 'refused the connection (401): a bearer token is required'],
  },
  'resource.ts': {
    stdout: [
      '401 Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
      "resource: 'https://mcp.example.com/mcp'",
    ],
  },
  'keys.ts': { stdout: ['idle'] },
})
