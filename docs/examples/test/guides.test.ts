import { runPrograms } from '../support/run-programs.js'

runPrograms(new URL('../guides/', import.meta.url), {
  'behind-a-proxy.ts': {
    prints: ['192.0.2.7: connected', 'forged: not connected', '203.0.113.9', 'tcp: true'],
  },
  'browser-and-cors.ts': {
    prints: [
      'preflight of the page: 204 https://app.example',
      'preflight of another: 405 no origin',
      "[ 'greet' ] [ 'greet' ]",
    ],
  },
  'certificates.ts': {
    prints: ["before: [ { type: 'text', text: 'hello' } ]", "after: [ { type: 'text', text: 'hello' } ]"],
  },
  'deny-methods.ts': { prints: [] },
  'express.ts': {
    prints: ['session of Ada', '"hello"', 'session ended', 'HTTP+SSE: {', '401 greeter no-referrer', 'ok'],
  },
  'fastify.ts': { prints: ['hello', 'closed 0'] },
  'graceful-shutdown.ts': {
    prints: ['SIGTERM: finishing 1 connections', "text: 'finished'", 'closed'],
    process: true,
  },
  'hono.ts': { prints: ['hello'] },
  'layers.ts': { prints: ['sent initialize', 'responses: 2', 'tools/call is not available'] },
  'mutual-tls.ts': {
    prints: [
      'connected: agent.test',
      "[ { type: 'text', text: 'hello' } ]",
      'refused: a client certificate is required',
      'refused: the client certificate was not accepted: its certificate is self-signed',
    ],
  },
  'page.ts': { prints: [] },
  'resource-server.ts': {
    prints: [
      "[ { type: 'text', text: 'hello' } ]",
      'refused: ',
      'the token lacks the scope tools:use',
      'the token is for another audience',
    ],
  },
  'resuming.ts': {
    prints: [
      'cut',
      "after a cut: [ { type: 'text', text: 'call 1' } ]",
      'the same session: true 1',
      'call 1',
    ],
  },
  'team.ts': { prints: [] },
  'tokens.ts': { prints: ["fixed: [ { type: 'text', text: 'hello' } ]", 'refreshed: ['] },
})
