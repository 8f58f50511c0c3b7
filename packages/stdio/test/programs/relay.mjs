// A child that forwards its standard streams to a Unix socket and back. It exits when either side ends.
import { connect } from 'node:net'

const socket = connect({ path: process.argv[2], allowHalfOpen: true })
socket.on('error', () => process.exit(1))
socket.on('end', () => process.stdout.write('', () => process.exit(0)))
process.stdin.pipe(socket)
socket.pipe(process.stdout, { end: false })
