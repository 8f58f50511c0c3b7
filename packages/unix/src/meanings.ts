const IS_IT_RIGHT = '; is it running, and the path right (option path)?'

/** What the codes of the system mean to one who connects. Node's own messages quote names with their zero byte. */
const CONNECT_MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: `there is no such socket${IS_IT_RIGHT}`,
  ENOTDIR: `there is no such socket${IS_IT_RIGHT}`,
  ECONNREFUSED: `nobody listens there${IS_IT_RIGHT}`,
  EACCES: 'its permissions, or those of a folder above it, keep this user out',
  EPERM: 'its permissions, or those of a folder above it, keep this user out',
  ENOTSOCK: 'what is there is no socket',
  EPROTOTYPE: 'what is there is a socket of another kind',
}

const LISTEN_MEANINGS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another server listens there (option path)',
  EEXIST: 'another server was faster',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is no directory',
  EACCES: 'the permissions of its folder keep this user out (option path)',
  EPERM: 'the permissions of its folder keep this user out (option path)',
  EROFS: 'its folder can only be read',
}

/** The code of an error of the system. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

/** Says why connecting failed. */
export function connectMeaningOf(error: Error): string {
  return CONNECT_MEANINGS[codeOf(error) ?? ''] ?? readable(error)
}

/** Says why listening failed. */
export function listenMeaningOf(error: Error): string {
  return LISTEN_MEANINGS[codeOf(error) ?? ''] ?? readable(error)
}

function readable({ message }: Error): string {
  return message.replaceAll('\0', '@')
}
