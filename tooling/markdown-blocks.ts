import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Fills every `<!-- key -->` … `<!-- /word -->` block whose key has a text, `word` being the key up to its colon. */
export function fillBlock(text: string, path: string, blocks: ReadonlyMap<string, string>): string {
  return text.replace(
    /^<!-- ((options|clauses)(?:: \w+)?) -->\n[\s\S]*?^<!-- \/\2 -->$/gm,
    (_block, key: string, word: string) => {
      const content = blocks.get(key)
      if (content === undefined) throw new Error(`${path}: nothing to put into <!-- ${key} -->`)
      return `<!-- ${key} -->\n${content}\n<!-- /${word} -->`
    },
  )
}

/** Fills the code fence below every `<!-- example: path#region -->` with that region of that file. */
export function fillExamples(text: string, path: string, root: string): string {
  return text.replace(
    /^<!-- example: (\S+?)(?:#(\S+))? -->\n\n?```(\w+)\n[\s\S]*?^```$/gm,
    (_fence, file: string, region: string | undefined, language: string) => {
      const absolute = join(root, file)
      if (!existsSync(absolute)) throw new Error(`${path}: no example ${file}`)
      const source = readFileSync(absolute, 'utf8')
      const code = region === undefined ? source.trimEnd() : regionOf(source, region)
      if (code === undefined) throw new Error(`${path}: no region ${region} in ${file}`)
      const name = region === undefined ? file : `${file}#${region}`
      return `<!-- example: ${name} -->\n\`\`\`${language}\n${code}\n\`\`\``
    },
  )
}

/**
 * The lines between `//#region name` and the `//#endregion` that ends it, with the common indent removed. Files with
 * other comments have `#region name` and `#endregion`.
 */
function regionOf(source: string, region: string): string | undefined {
  const lines = source.split('\n')
  const start = lines.findIndex((line) => marker(line, 'region') === region)
  if (start === -1) return undefined
  const length = lines.slice(start + 1).findIndex((line) => marker(line, 'endregion') !== undefined)
  if (length === -1) return undefined
  const body = lines.slice(start + 1, start + 1 + length)
  const indents = body.filter((line) => line.trim() !== '').map((line) => line.search(/\S/))
  const indent = Math.min(...indents)
  return body
    .map((line) => line.slice(indent))
    .join('\n')
    .trim()
}

function marker(line: string, word: 'region' | 'endregion'): string | undefined {
  return new RegExp(`^\\s*(?://\\s*)?#${word}\\b\\s*(.*?)\\s*$`).exec(line)?.[1]
}
