import { readdirSync, readFileSync } from 'node:fs'
import type { Driver, Load } from './suite.js'

/** The same driver, which also counts what another process uses meanwhile. */
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

/** What all threads of a process have used so far. Only Linux tells that of another process this exactly. */
function cpuMicrosOf(pid: number): number {
  const nanos = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  )
  return nanos.reduce((sum, each) => sum + each, 0) / 1000
}
