/** Whether there is somebody to signal, as `kill` tells: with signal 0 it only looks. */
export function isThere(kill: () => void): boolean {
  try {
    kill()
    return true
  } catch (error) {
    // EPERM: it is there, and belongs to somebody else by now.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
