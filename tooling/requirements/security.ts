import { all, type Requirement, stateless } from './requirement.js'

/** Security practice that touches wires. */
export const securityRules: readonly Requirement[] = [
  {
    id: 'SEC-C-01',
    revisions: all,
    owner: 'authorization',
    rule: 'URLs from metadata are fetched with care where the client runs on a server.',
  },
  { id: 'SEC-C-02', revisions: all, owner: 'authorization', rule: 'They are HTTPS, except on this host.' },
  {
    id: 'SEC-C-03',
    revisions: all,
    owner: 'authorization',
    rule: 'Private and link-local addresses are refused.',
  },
  { id: 'SEC-C-04', revisions: all, owner: 'authorization', rule: 'So they are behind a redirect.' },
  { id: 'SEC-C-05', revisions: all, owner: 'authorization', rule: 'Only web URLs are opened in a browser.' },
  { id: 'SEC-C-06', revisions: all, owner: 'authorization', rule: 'No shell opens them.' },
  {
    id: 'SEC-S-07',
    revisions: all,
    owner: 'transport',
    packages: ['http', 'tcp', 'unix', 'ws'],
    rule: 'A local server takes callers of this host alone, or of one user.',
  },
  {
    id: 'SEC-S-08',
    revisions: stateless,
    owner: 'application',
    rule: 'A name of state is no proof of who asks.',
  },
  {
    id: 'SEC-I-09',
    revisions: all,
    owner: 'intermediary',
    rule: 'Those who run servers for callers confine and log them.',
  },
  {
    id: 'SEC-C-10',
    revisions: all,
    owner: 'application',
    rule: 'Before a server is installed its command is shown.',
  },
]

/** Caches. */
export const cachingRules: readonly Requirement[] = [
  {
    id: 'CACHE-S-01',
    revisions: stateless,
    owner: 'sdk',
    rule: 'Lists and resources say how long they hold and for whom.',
  },
  {
    id: 'CACHE-C-02',
    revisions: stateless,
    owner: 'sdk',
    rule: 'A cached answer is for the same method and parameters.',
  },
  { id: 'CACHE-C-03', revisions: stateless, owner: 'sdk', rule: 'Answers of a second round are not cached.' },
  {
    id: 'CACHE-I-04',
    revisions: stateless,
    owner: 'intermediary',
    rule: 'What is private is cached for one principal.',
  },
  {
    id: 'CACHE-I-05',
    revisions: stateless,
    owner: 'intermediary',
    rule: 'What is public may be cached for all.',
  },
  {
    id: 'CACHE-C-06',
    revisions: stateless,
    owner: 'sdk',
    rule: 'Without a lifetime an answer is stale, and a change makes it so.',
  },
  {
    id: 'CACHE-C-07',
    revisions: stateless,
    owner: 'application',
    rule: 'Those who poll do so with jitter and growing intervals.',
  },
]
