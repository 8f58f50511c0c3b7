/** Compiles only where it is given `true`. */
export type Expect<T extends true> = T

/** Whether a value of the one type can be handed over where the other is asked for. */
export type Fits<Given, Wanted> = [Given] extends [Wanted] ? true : false

/** Whether the type is `any`, which would fit everywhere. */
export type IsAny<T> = 0 extends 1 & T ? true : false

export type Not<T extends boolean> = T extends true ? false : true

/** Whether the two types are the very same. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
