import { authorizedClientsRules, resourceServersRules } from './authorization.js'
import { customRules } from './custom.js'
import { eventsRules } from './events.js'
import { generalRules } from './general.js'
import { headersRules } from './headers.js'
import { httpRules } from './http.js'
import { metadataRules } from './metadata.js'
import type { Requirement } from './requirement.js'
import { cachingRules, securityRules } from './security.js'
import { resumptionRules, sessionsRules } from './sessions.js'
import { statelessRules } from './stateless.js'
import { stdioRules } from './stdio.js'
import { httpSseRules, versionsRules } from './versions.js'

/** Rules about one subject, under a heading of the docs. */
export interface Section {
  readonly title: string
  readonly rules: readonly Requirement[]
}

/** Every rule of MCP that bears on transports, and those around them that others keep. */
export const requirements: readonly Section[] = [
  { title: 'Rules of every wire, whatever frames its messages', rules: generalRules },
  { title: 'Standard streams of a process', rules: stdioRules },
  { title: 'The endpoint, POST, GET and streams of Streamable HTTP', rules: httpRules },
  { title: 'Resumption of streams', rules: resumptionRules },
  { title: 'Sessions over HTTP', rules: sessionsRules },
  { title: 'The revision and the metadata of each request', rules: metadataRules },
  { title: 'Headers that repeat the body', rules: headersRules },
  { title: 'Discovery, subscriptions and cancellation in 2026-07-28', rules: statelessRules },
  { title: 'Negotiation, eras and fallback', rules: versionsRules },
  { title: 'HTTP with SSE of 2024-11-05, and the fallback to it', rules: httpSseRules },
  { title: 'Other wires: TCP, Unix sockets, WebSocket', rules: customRules },
  { title: 'What a server that wants tokens does', rules: resourceServersRules },
  { title: 'What a client that holds tokens does', rules: authorizedClientsRules },
  { title: 'Security practice that touches wires', rules: securityRules },
  { title: 'Caches', rules: cachingRules },
  { title: 'Lines of an event stream, as the HTML standard defines them', rules: eventsRules },
]
