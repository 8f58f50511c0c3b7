// Attackers in a process of their own. The name of the attack and its target are the arguments.
import type { Attack, AttackProgress } from '../attacks/attack.js'
import { brackets, stoppedChild, unfinished, unread } from '../attacks/memory-attacks.js'
import { files, notifications, pings, sessions } from '../attacks/share-attacks.js'

const attacks: Readonly<Record<string, Attack>> = {
  'stopped child': stoppedChild,
  brackets,
  unfinished,
  unread,
  sessions,
  pings,
  notifications,
  files,
}

const [name = '', target = ''] = process.argv.slice(2)
const progress: AttackProgress = { counts: {}, stopped: [] }
process.on('message', () => process.send?.({ progress }))
// An attacker whose connections are closed goes on.
process.on('uncaughtException', (error) => {
  progress.counts[`error ${error.message.slice(0, 60)}`] = 1
})
process.on('disconnect', () => process.exit())
process.send?.({ progress })
attacks[name]?.(JSON.parse(target), progress).catch((error) => {
  progress.counts[`failed: ${String(error).slice(0, 100)}`] = 1
})
