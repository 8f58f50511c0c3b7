// A worker thread that listens on a path, and stops at the first message.
import { parentPort, workerData } from 'node:worker_threads'
import { unixServer } from '../../src/index.js'

const listener = unixServer({ path: workerData as string, mode: 0o640 })
await listener.start()
parentPort?.once('message', () => {
  void listener.close().then(() => parentPort?.close())
})
parentPort?.postMessage(listener.address)
