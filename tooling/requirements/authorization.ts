import { type Requirement, span, stateless } from './requirement.js'

/** What a server that wants tokens does. */
export const resourceServersRules: readonly Requirement[] = [
  {
    id: 'AUTH-S-01',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'gate',
    rule: 'A request without a valid token is refused by 401.',
  },
  {
    id: 'AUTH-S-02',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'gate',
    rule: '401 is for tokens, 403 for what they allow, 400 for malformed requests.',
  },
  {
    id: 'AUTH-S-03',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'gate',
    rule: 'A token is validated before anything is done for it.',
  },
  {
    id: 'AUTH-S-04',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'gate',
    rule: 'A token for somebody else is refused.',
  },
  {
    id: 'AUTH-S-05',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'application',
    rule: 'A token is passed on to nobody.',
  },
  {
    id: 'AUTH-S-06',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'gate',
    rule: 'The metadata of the resource names its authorization servers.',
  },
  {
    id: 'AUTH-S-07',
    revisions: span('2025-06-18', '2025-06-18'),
    owner: 'gate',
    rule: 'A 401 says where that metadata is.',
  },
  {
    id: 'AUTH-S-08',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'gate',
    rule: 'The metadata is found by that header or at a well-known path.',
  },
  {
    id: 'AUTH-S-09',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'gate',
    rule: 'A 401 says which scope is needed.',
  },
  {
    id: 'AUTH-S-10',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'gate',
    rule: 'A token of too little scope is refused by 403 and a challenge.',
  },
  {
    id: 'AUTH-S-11',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'gate',
    rule: 'A challenge names every scope that an operation needs.',
  },
  { id: 'AUTH-S-12', revisions: stateless, owner: 'gate', rule: 'A scope may include others.' },
  {
    id: 'AUTH-S-13',
    revisions: stateless,
    owner: 'gate',
    rule: '`offline_access` is no scope of a resource.',
  },
  {
    id: 'AUTH-S-14',
    revisions: span('2025-03-26', '2025-03-26'),
    owner: 'authorization',
    rule: 'The server is its own authorization server, at the root of its origin.',
  },
  {
    id: 'AUTH-S-15',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'application',
    rule: 'Tokens are kept and logged with care.',
  },
]

/** What a client that holds tokens does. */
export const authorizedClientsRules: readonly Requirement[] = [
  {
    id: 'AUTH-C-01',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'transport',
    packages: ['http'],
    rule: 'A client sends its token with every POST, GET and DELETE.',
  },
  {
    id: 'AUTH-C-02',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'transport',
    packages: ['http'],
    rule: 'The token is in no URL.',
  },
  {
    id: 'AUTH-C-03',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'authorization',
    rule: 'A server gets only tokens that were issued for it.',
  },
  {
    id: 'AUTH-C-04',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'transport',
    packages: ['http'],
    rule: 'A 401 leads to whoever authorizes, with its challenge, and the request is repeated once.',
  },
  {
    id: 'AUTH-C-05',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'authorization',
    rule: 'The authorization server is found by the metadata of the resource.',
  },
  {
    id: 'AUTH-C-06',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'authorization',
    rule: 'That metadata is looked for where the challenge says, then at the well-known paths.',
  },
  {
    id: 'AUTH-C-07',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'authorization',
    rule: 'The metadata of the authorization server is looked for at the paths of its revision, in order.',
  },
  {
    id: 'AUTH-C-08',
    revisions: stateless,
    owner: 'authorization',
    rule: 'Metadata of another issuer is refused.',
  },
  {
    id: 'AUTH-C-09',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'authorization',
    rule: 'The metadata is about the server that was asked.',
  },
  {
    id: 'AUTH-C-10',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'authorization',
    rule: 'Requests for a token name the resource it is for.',
  },
  {
    id: 'AUTH-C-11',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'authorization',
    rule: 'PKCE is used; a server that does not offer it is refused.',
  },
  {
    id: 'AUTH-C-12',
    revisions: span('2025-06-18', '2026-07-28'),
    owner: 'authorization',
    rule: '`state` is sent and compared.',
  },
  {
    id: 'AUTH-C-13',
    revisions: stateless,
    owner: 'authorization',
    rule: '`iss` is compared before anything else in the answer is used.',
  },
  {
    id: 'AUTH-C-14',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'authorization',
    rule: 'The scope is that of the challenge, else all there are, else none.',
  },
  {
    id: 'AUTH-C-15',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'authorization',
    rule: 'The scopes of a challenge count, whatever the metadata lists.',
  },
  {
    id: 'AUTH-C-16',
    revisions: span('2025-11-25', '2026-07-28'),
    owner: 'transport',
    packages: ['http'],
    rule: 'A 403 for too little scope leads to whoever authorizes, and the request is repeated once, not forever.',
  },
  {
    id: 'AUTH-C-17',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'authorization',
    rule: 'A client registers by the means its revision prefers.',
  },
  {
    id: 'AUTH-C-18',
    revisions: stateless,
    owner: 'authorization',
    rule: 'Credentials belong to their issuer.',
  },
  {
    id: 'AUTH-C-19',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'authorization',
    rule: 'Authorization servers are reached over HTTPS, and redirect to HTTPS or this host.',
  },
  {
    id: 'AUTH-C-20',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'authorization',
    rule: 'Tokens are stored with care.',
  },
  {
    id: 'AUTH-C-21',
    revisions: stateless,
    owner: 'authorization',
    rule: 'A refresh token is welcome and not expected.',
  },
]
