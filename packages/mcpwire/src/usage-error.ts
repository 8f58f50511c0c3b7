/** What is wrong with the command line itself. Told with how it is used; the exit code is 2. */
export class UsageError extends Error {}
