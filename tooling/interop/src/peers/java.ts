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
    run('mvn', ['-B', '-q', 'compile', 'dependency:copy-dependencies', '-DoutputDirectory=target/lib'], source)
    const classPath = [join(source, 'target/classes'), join(source, 'target/lib/*')].join(':')
    return { argv: ['java', ...JVM, '-cp', classPath, 'Peer'] }
  },
  clients: [stdio, ...ourFormats, ourHttpSse, legacyOnly],
  servers: [stdio, http, without(stateless, 'progress'), theirHttpSse],
}
