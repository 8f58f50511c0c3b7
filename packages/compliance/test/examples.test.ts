import '../examples/memory-pair.compliance.js'
import '../examples/port-transport.compliance.js'
import '../examples/stream-transport.compliance.js'
