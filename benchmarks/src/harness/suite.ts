import type { TransportLike } from '@mcpwire/core'

/** One kind of load. Plain data: the results contain it. */
export interface Load {
  readonly id: string
  readonly label: string
}

/** One question, and the contestants and loads that answer it. */
export interface Suite<L extends Load = Load> {
  readonly name: string
  readonly question: string
  /** The contestant that the others are compared with. */
  readonly reference: string
  /** Whether garbage is collected before memory is measured. */
  readonly isCollected?: boolean
  /** Warm-up time for suites whose code is not compiled after the usual time. */
  readonly warmUpMs?: number
  /** Time of a measurement for suites that need another than the usual one. */
  readonly measureMs?: number
  /**
   * The number of slices of a measurement. Slices of the contestants alternate, so that a machine that is slower for some
   * seconds is slower for all of them. Not for suites that collect garbage. Without it, 1.
   */
  readonly slices?: number
  readonly loads: readonly L[]
  readonly contestants: readonly Contestant<L>[]
}

/** One implementation that a suite measures. */
export interface Contestant<L extends Load = Load> {
  readonly id: string
  readonly label: string
  /** Runs in the process that measures. */
  readonly open: (place: Place) => Promise<Driver<L>>
  /** The process at the other end. Absent for a contestant within one process. */
  readonly server?: Server
  /** Whether it runs our packages, which `--against` also takes from another checkout. */
  readonly isOurs?: boolean
  /** The worker program of another checkout, and the id of the contestant there. */
  readonly worker?: string
  readonly idInWorker?: string
  /** Loads under which it is not measured. */
  readonly skips?: (load: L) => boolean
}

/** The process at the other end. */
interface Server {
  /** Whether the harness starts it first, or `open` of the contestant does with `place.command`. */
  readonly startedBy: 'harness' | 'client'
  /** Calls `accept` with each connection before it is started. Resolves with the address for `open`, if it has one. */
  readonly serve: (accept: (wire: TransportLike) => Promise<void>) => Promise<string | undefined>
}

/** The place of the other end. */
export interface Place {
  /** The result of `serve`. Empty where the client starts the server. */
  readonly address: string
  /** The command that starts the server, for clients that start it. */
  readonly command: string
  readonly args: readonly string[]
}

/** A contestant that is connected and ready for a load. */
export interface Driver<L extends Load = Load> {
  /** Prepares for a load. Not measured. */
  prepare?(load: L): Promise<void>
  /** Applies the load for about that long. Throws when a message is lost, duplicated or invented. */
  run(load: L, milliseconds: number): Promise<Counts>
  close(): Promise<void>
}

/** The counts of a driver. */
export interface Counts {
  /** How many messages arrived, at either end. */
  readonly messages: number
  readonly seconds: number
  /** How many connections were open, in suites about their number. */
  readonly connections?: number
  /** The CPU time of processes between both ends. */
  readonly otherCpuMicros?: number
  /** The bytes of those messages, in suites about bytes. */
  readonly bytes?: number
  /** Times from a request to its response, in microseconds, in any order. */
  readonly latencies?: Float64Array
}
