import { type Requirement, sessionEras, span, stateless } from './requirement.js'

/** Resumption of streams. */
export const resumptionRules: readonly Requirement[] = [
  {
    id: 'RES-S-01',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'Events may have ids.',
  },
  {
    id: 'RES-S-02',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'No two events of a session have one id, whatever their streams.',
  },
  {
    id: 'RES-S-03',
    revisions: span('2025-11-25', '2025-11-25'),
    owner: 'transport',
    packages: ['http'],
    rule: 'An id tells its stream.',
  },
  {
    id: 'RES-C-04',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A client resumes by a GET that names the last event it had, also where a POST had opened the stream.',
  },
  {
    id: 'RES-S-05',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A server sends what followed that event on its stream, and goes on with the stream.',
  },
  {
    id: 'RES-S-06',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'It sends nothing of another stream.',
  },
  {
    id: 'RES-S-07',
    revisions: stateless,
    owner: 'transport',
    packages: ['http'],
    rule: 'A modern request with `Last-Event-ID` is served as if it had none, and its events have no ids.',
  },
]

/** Sessions over HTTP. */
export const sessionsRules: readonly Requirement[] = [
  {
    id: 'SESS-S-01',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'The answer to `initialize` may name a session.',
  },
  {
    id: 'SESS-S-02',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'Session ids are random and long enough not to be guessed.',
  },
  {
    id: 'SESS-S-03',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'They are visible ASCII.',
  },
  {
    id: 'SESS-C-04',
    revisions: span('2025-11-25', '2025-11-25'),
    owner: 'transport',
    packages: ['http'],
    rule: 'A client keeps the id to itself: no URL and no words of an error show it.',
  },
  {
    id: 'SESS-C-05',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'It sends the id with every later POST, GET and DELETE.',
  },
  {
    id: 'SESS-S-06',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A request that needs a session and names none is answered by 400.',
  },
  {
    id: 'SESS-S-07',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'An id whose session ended is answered by 404.',
  },
  {
    id: 'SESS-C-08',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A client that receives 404 begins a new session by a handshake without an id.',
  },
  {
    id: 'SESS-C-09',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A client that closes says so by DELETE.',
  },
  {
    id: 'SESS-S-10',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A server may refuse DELETE by 405, and a client takes that for an answer.',
  },
  {
    id: 'SESS-S-11',
    revisions: stateless,
    owner: 'transport',
    packages: ['http'],
    rule: 'A modern request is served without regard to a session id, and its answer names none.',
  },
  {
    id: 'SESS-S-12',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A session id proves nothing: the gate is asked about each request.',
  },
  {
    id: 'SESS-S-13',
    revisions: sessionEras,
    owner: 'transport',
    packages: ['http'],
    rule: 'A session and its events are for the principal who opened it.',
  },
]
