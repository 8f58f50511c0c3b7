// Two processes of a cluster listen on the same path; prints the outcome of both.
import cluster from 'node:cluster'
import { unixServer } from '../../src/index.js'

const [, , path = ''] = process.argv

if (cluster.isPrimary) {
  const outcomes: unknown[] = []
  for (const worker of [cluster.fork(), cluster.fork()]) {
    worker.on('message', (outcome) => {
      outcomes.push(outcome)
      if (outcomes.length < 2) return
      process.stdout.write(`${JSON.stringify(outcomes)}\n`)
      for (const each of Object.values(cluster.workers ?? {})) each?.send('close')
    })
  }
} else {
  const listener = unixServer({ path })
  const outcome = await listener.start().then(
    () => 'listens',
    ({ code }) => code as unknown,
  )
  process.once('message', () => {
    void listener.close().then(() => process.disconnect())
  })
  process.send?.(outcome)
}
