import { all, type Requirement, span, stateless } from './requirement.js'

/** Other wires: TCP, Unix sockets, WebSocket. */
export const customRules: readonly Requirement[] = [
  {
    id: 'CUST-01',
    revisions: all,
    owner: 'transport',
    packages: ['tcp', 'unix', 'ws'],
    rule: 'Any channel that carries messages both ways may be a wire.',
  },
  {
    id: 'CUST-02',
    revisions: all,
    owner: 'transport',
    packages: ['tcp', 'unix', 'ws'],
    rule: 'Messages and life cycle are those of MCP.',
  },
  {
    id: 'CUST-03',
    revisions: all,
    owner: 'transport',
    packages: ['tcp', 'unix', 'ws'],
    rule: 'How to connect, how messages are framed and how a request is cancelled is written down.',
  },
  {
    id: 'CUST-04',
    revisions: stateless,
    owner: 'transport',
    packages: ['tcp', 'unix'],
    rule: 'Byte streams frame messages as stdio does.',
  },
  {
    id: 'CUST-05',
    revisions: stateless,
    owner: 'transport',
    packages: ['tcp', 'unix', 'ws'],
    rule: 'Where all requests share one channel a cancellation is `notifications/cancelled`.',
  },
  {
    id: 'CUST-06',
    revisions: span('2025-03-26', '2026-07-28'),
    owner: 'gate',
    rule: 'Callers of other wires are authenticated by the means of that wire.',
  },
  {
    id: 'CUST-07',
    revisions: stateless,
    owner: 'sdk',
    rule: 'Where subscriptions share one channel their ids tell them apart.',
  },
]
