/**
 * The source of the suite without its import of `globSync`, which Node 20 does not have. A function that throws
 * replaces it: only commands for maintainers of the suite call it.
 */
export function withoutGlobSync(source: string): string {
  let name: string | undefined
  const stripped = source.replace(
    /(import\s*\{[^}]*?)\bglobSync(?:\s+as\s+([\w$]+))?\s*,?([^}]*\}\s*from\s*["'](?:node:)?fs["'])/,
    (_found, before: string, alias: string | undefined, after: string) => {
      name = alias ?? 'globSync'
      return before + after
    },
  )
  return name === undefined
    ? source
    : `${stripped}\nfunction ${name}() { throw new Error('fs.globSync needs Node 22') }\n`
}
