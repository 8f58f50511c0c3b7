import '../examples/memory-pair.js'
import '../examples/port-transport.compliance.js'
