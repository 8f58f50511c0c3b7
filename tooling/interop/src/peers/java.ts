import { join } from 'node:path'
import { http, legacyOnly, ourFormats, ourHttpSse, stateless, stdio, theirHttpSse, without } from '../ends.js'
import { copyProgram, run } from '../install.js'
import type { Peer } from '../peer.js'

/** Options for a quick start. */
const JVM = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']

/** The Java SDK. It has no revision 2026-07-28, and its server has no JSON responses with sessions. */
export const java: Peer = {
  id: 'java',
  label: 'Java, mcp 2.1.0',
  install: (folder) => {
    const source = copyProgram('java', folder)
    run(
      'mvn',
      ['-B', '-q', 'compile', 'dependency:copy-dependencies', '-DoutputDirectory=target/lib'],
      source,
    )
    const classPath = [join(source, 'target/classes'), join(source, 'target/lib/*')].join(':')
    return { argv: ['java', ...JVM, '-cp', classPath, 'Peer'] }
  },
  notes: [
    'Its HTTP+SSE server writes to one response from several threads. Parallel calls sometimes end the stream, with ' +
      '`newPosition > limit` or `AsyncContext has already completed` in its log, also with `SSEClientTransport` of the ' +
      'official SDK. That check is left out.',
    'Its synchronous client runs progress handlers in any order. Its stdio transport rejects a call while another ' +
      'thread sends one (`Failed to enqueue message`), also with `StdioServerTransport` of the official SDK. The ' +
      'asynchronous client is used.',
  ],
  clients: [stdio, ...ourFormats, ourHttpSse, legacyOnly],
  servers: [stdio, http, without(stateless, 'progress'), without(theirHttpSse, 'parallel')],
}
