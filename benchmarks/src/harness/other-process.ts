import { readdirSync, readFileSync } from 'node:fs'
import type { Driver, Load } from './suite.js'

/** Adds the CPU time of another process to the counts of a driver. */
export function countingProcess<L extends Load>(pid: number, driver: Driver<L>): Driver<L> {
  return {
    ...driver,
    run: async (load, milliseconds) => {
      const before = cpuMicrosOf(pid)
      const counts = await driver.run(load, milliseconds)
      return { ...counts, otherCpuMicros: cpuMicrosOf(pid) - before }
    },
  }
}

/** The CPU time of all threads of a process. Only Linux reports it this exactly for another process. */
function cpuMicrosOf(pid: number): number {
  const nanos = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  )
  return nanos.reduce((sum, each) => sum + each, 0) / 1000
}
