import type { TransportLike } from '@mcpwire/core'

/** One way of loading a contestant. Plain data: it is written into the results. */
export interface Load {
  readonly id: string
  readonly label: string
}

/** One question, put to several contestants under several loads. */
export interface Suite<L extends Load = Load> {
  readonly name: string
  readonly question: string
  /** The contestant that ratios are taken against. */
  readonly reference: string
  /** Whether garbage is collected before memory is looked at, so that it is what is held that counts. */
  readonly isCollected?: boolean
  /** How long to load a contestant before it is measured, where the usual is too short for its code to be compiled. */
  readonly warmUpMs?: number
  /** How long to measure each contestant under each load, in each round, where the usual does not do. */
  readonly measureMs?: number
  /**
   * In how many turns a measurement is taken, each contestant's between those of the others: a machine that is slower
   * for some seconds is slower for all of them. Not for suites that collect garbage. Without it, in one.
   */
  readonly slices?: number
  readonly loads: readonly L[]
  readonly contestants: readonly Contestant<L>[]
}

/** One answer to the question of a suite. */
export interface Contestant<L extends Load = Load> {
  readonly id: string
  readonly label: string
  /** Runs in a process of its own, the one that measures. */
  readonly open: (place: Place) => Promise<Driver<L>>
  /** The other process, where the exchange has two. */
  readonly server?: Server
  /** Whether it runs our packages, which `--against` also takes from another checkout. */
  readonly isOurs?: boolean
  /** The program of its processes, where it is not this harness's own, and its id there. */
  readonly worker?: string
  readonly idInWorker?: string
  /** Loads it is not measured under. */
  readonly skips?: (load: L) => boolean
}

/** The process at the other end. */
interface Server {
  /** Whether the harness starts it first, or the contestant's `open` does, by `place.command`. */
  readonly startedBy: 'harness' | 'client'
  /** Calls `accept` with each conversation, not started; resolves with the address to dial, if there is one. */
  readonly serve: (accept: (wire: TransportLike) => Promise<void>) => Promise<string | undefined>
}

/** Where the other end is. */
export interface Place {
  /** What `serve` resolved with; empty where the client starts the server. */
  readonly address: string
  /** The command that starts the server, for those that start it themselves. */
  readonly command: string
  readonly args: readonly string[]
}

/** A contestant that is connected and ready to be loaded. */
export interface Driver<L extends Load = Load> {
  /** Gets ready for a load, before anything is measured. */
  prepare?(load: L): Promise<void>
  /** Keeps the load up for about that long, and counts. Throws when a message is lost, doubled or made up. */
  run(load: L, milliseconds: number): Promise<Counts>
  close(): Promise<void>
}

/** What a driver counted. */
export interface Counts {
  /** How many messages arrived, at either end. */
  readonly messages: number
  readonly seconds: number
  /** How many connections were open meanwhile, where there were several. */
  readonly connections?: number
  /** What processes between both ends used meanwhile, where there are any. */
  readonly otherCpuMicros?: number
  /** How many bytes those messages had, where that is of interest. */
  readonly bytes?: number
  /** Times from a request to its answer, in microseconds, in any order. */
  readonly latencies?: Float64Array
}
