import { killTree } from './process-tree.js'

const live = new Set<number>()

/**
 * Ends the child's tree when this process exits first. A child leads a group of its own, so what ends this process
 * does not end it; that the end of its input does is the child's own doing. Answers how to take that back.
 */
export function endWithThisProcess(pid: number): () => void {
  if (live.size === 0) process.on('exit', endAll)
  live.add(pid)
  return () => {
    live.delete(pid)
    if (live.size === 0) process.off('exit', endAll)
  }
}

function endAll(): void {
  for (const pid of live) killTree(pid, 'SIGKILL')
}
