import { all, beforeStateless, type Requirement, span, stateless } from './requirement.js'

/** Negotiation, eras and fallback. */
export const versionsRules: readonly Requirement[] = [
  {
    id: 'VER-C-01',
    revisions: beforeStateless,
    owner: 'sdk',
    rule: '`initialize` names a revision of the client, best its newest.',
  },
  {
    id: 'VER-S-02',
    revisions: beforeStateless,
    owner: 'sdk',
    rule: 'The server answers with that one, or with another it has.',
  },
  {
    id: 'VER-C-03',
    revisions: beforeStateless,
    owner: 'sdk',
    rule: 'A client that has not got it hangs up.',
  },
  {
    id: 'VER-S-04',
    revisions: stateless,
    owner: 'transport',
    packages: ['http'],
    rule: 'One endpoint may serve both eras; what a conversation opens with decides.',
  },
  {
    id: 'VER-C-05',
    revisions: stateless,
    owner: 'transport',
    packages: ['http'],
    rule: 'A refusal with a JSON-RPC error in its body reaches the client as that error, with its status.',
  },
  {
    id: 'VER-C-06',
    revisions: stateless,
    owner: 'sdk',
    rule: 'A modern error means a modern server; anything else leads to `initialize`.',
  },
  {
    id: 'VER-C-07',
    revisions: stateless,
    owner: 'sdk',
    rule: 'What was found out about a server is remembered while it runs.',
  },
  {
    id: 'VER-C-08',
    revisions: stateless,
    owner: 'application',
    rule: 'It may be remembered for longer, and is found out anew when it no longer holds.',
  },
  {
    id: 'VER-S-09',
    revisions: stateless,
    owner: 'transport',
    packages: ['http'],
    rule: 'A server of 2026-07-28 alone answers `initialize` with the revisions it has.',
  },
  {
    id: 'VER-10',
    revisions: stateless,
    owner: 'sdk',
    rule: 'An extension that the other end has not got is not used.',
  },
]

/** HTTP with SSE of 2024-11-05, and the fallback to it. */
export const httpSseRules: readonly Requirement[] = [
  {
    id: 'SSE-S-01',
    revisions: all,
    owner: 'transport',
    packages: ['http'],
    rule: 'There is one endpoint for the stream and one for messages.',
  },
  {
    id: 'SSE-S-02',
    revisions: span('2024-11-05', '2024-11-05'),
    owner: 'transport',
    packages: ['http'],
    rule: 'The stream begins with an `endpoint` event: where messages go.',
  },
  {
    id: 'SSE-C-03',
    revisions: span('2024-11-05', '2024-11-05'),
    owner: 'transport',
    packages: ['http'],
    rule: 'Messages of the client go there, by POST.',
  },
  {
    id: 'SSE-S-04',
    revisions: span('2024-11-05', '2024-11-05'),
    owner: 'transport',
    packages: ['http'],
    rule: 'Messages of the server are `message` events.',
  },
  {
    id: 'SSE-05',
    revisions: stateless,
    owner: 'transport',
    packages: ['http'],
    rule: 'It is not served unless that is asked for.',
  },
  {
    id: 'SSE-S-06',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'transport',
    packages: ['http'],
    rule: 'It is served beside Streamable HTTP.',
  },
  {
    id: 'SSE-C-07',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'transport',
    packages: ['http'],
    rule: 'A client tries Streamable HTTP first, and GET on the same URL when that is refused.',
  },
  {
    id: 'SSE-C-08',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'transport',
    packages: ['http'],
    rule: '400, 404 and 405 are such a refusal, a modern error in the body is not.',
  },
]
