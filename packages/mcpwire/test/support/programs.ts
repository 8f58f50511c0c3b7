import { fileURLToPath } from 'node:url'

/** Where the built programs are. */
export const PROGRAMS = fileURLToPath(new URL('../../.cache/programs', import.meta.url))
