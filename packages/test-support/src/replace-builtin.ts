import { syncBuiltinESMExports } from 'node:module'
import { type MockInstance, vi } from 'vitest'

/**
 * Replaces a function of a module of Node by a spy, also for modules that import it by name. `restore` ends that.
 *
 * @param module the default export of the module
 */
export function replaceBuiltin<M extends object, K extends keyof M & string>(
  module: M,
  name: K,
): { readonly spy: MockInstance; restore(): void } {
  const spy = vi.spyOn(module as Record<string, () => unknown>, name)
  syncBuiltinESMExports()
  return {
    spy,
    restore: () => {
      spy.mockRestore()
      syncBuiltinESMExports()
    },
  }
}
