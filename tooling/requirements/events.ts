import { all, type Requirement } from './requirement.js'

/** Lines of an event stream, as the HTML standard defines them. */
export const eventsRules: readonly Requirement[] = [
  {
    id: 'SSEW-01',
    revisions: all,
    owner: 'transport',
    packages: ['http'],
    rule: 'Lines end in LF, CR or CRLF; a blank one ends an event; UTF-8 may be cut anywhere; one byte order mark is dropped.',
  },
  {
    id: 'SSEW-02',
    revisions: all,
    owner: 'transport',
    packages: ['http'],
    rule: 'Several lines of data are joined by LF, and one blank behind the colon is not data; a message is written on one line.',
  },
  {
    id: 'SSEW-03',
    revisions: all,
    owner: 'transport',
    packages: ['http'],
    rule: 'An event without data is not delivered, and its id counts.',
  },
  {
    id: 'SSEW-04',
    revisions: all,
    owner: 'transport',
    packages: ['http'],
    rule: 'An id with NUL does not count, one stays until the next; `retry` is digits.',
  },
  {
    id: 'SSEW-05',
    revisions: all,
    owner: 'transport',
    packages: ['http'],
    rule: 'Comments and unknown fields are passed over; an event without a name is a message.',
  },
  {
    id: 'SSEW-06',
    revisions: all,
    owner: 'transport',
    packages: ['http'],
    rule: 'An event that the stream cuts short is dropped.',
  },
]
