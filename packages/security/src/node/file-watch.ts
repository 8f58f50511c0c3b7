import { type FSWatcher, readlinkSync, watch } from 'node:fs'
import { basename, dirname, parse, resolve, sep } from 'node:path'

/** Follows the notifications of the file system about some files. */
export interface FileWatch extends Disposable {
  /** Watches again from now on, since links may lead to other folders. Returns whether all folders can be watched. */
  renew(): boolean
}

/** Beyond it, a path is a loop, as in Linux. */
const MAX_LINKS = 40

/**
 * Calls `changed` after each change of one of the files: written in place, replaced, or reached over another link. The
 * folders are watched, since a watch of a file ends when the file is replaced. File systems without notifications, such
 * as those of a network, need a check from time to time in addition.
 */
export function watchFiles(files: readonly string[], changed: () => void): FileWatch {
  let watchers: FSWatcher[] = []
  const close = (): void => {
    for (const watcher of watchers) watcher.close()
    watchers = []
  }
  return {
    renew() {
      const before = watchers
      const folders = [...namesByFolder(files)]
      watchers = folders.flatMap(([folder, names]) => watchFolder(folder, names, changed))
      for (const watcher of before) watcher.close()
      return watchers.length === folders.length
    },
    [Symbol.dispose]: close,
  }
}

function watchFolder(folder: string, names: ReadonlySet<string>, changed: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, (_type, name) => {
      // Some systems do not pass the name.
      if (name === null || names.has(name)) changed()
    })
    // Such as a folder that was removed.
    watcher.on('error', () => {
      watcher.close()
      changed()
    })
    return [watcher]
  } catch {
    // Such as a folder that does not exist, or too many watches.
    return []
  }
}

/** The folders on the way to the files, each with the names in it that lead to them. */
function namesByFolder(files: readonly string[]): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>()
  const add = (path: string): void => {
    const names = folders.get(dirname(path)) ?? new Set()
    folders.set(dirname(path), names.add(basename(path)))
  }
  for (const file of files) {
    let path = resolve(file)
    for (let links = 0; links < MAX_LINKS; links++) {
      const next = firstLinkIn(path)
      if (next === undefined) break
      add(next.link)
      path = next.target
    }
    add(path)
  }
  return folders
}

/** The first part of the path that is a symbolic link, and the path with that part replaced. */
function firstLinkIn(path: string): { readonly link: string; readonly target: string } | undefined {
  const { root } = parse(path)
  const names = path.slice(root.length).split(sep)
  let link = root
  for (const [index, name] of names.entries()) {
    link = resolve(link, name)
    try {
      const target = resolve(dirname(link), readlinkSync(link))
      return { link, target: resolve(target, ...names.slice(index + 1)) }
    } catch {
      // Not a link, or it does not exist.
    }
  }
  return undefined
}
