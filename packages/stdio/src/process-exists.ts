/** Whether `kill` finds a process to signal. With signal 0 it sends nothing and only checks. */
export function processExists(kill: () => void): boolean {
  try {
    kill()
    return true
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
