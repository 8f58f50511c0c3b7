import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Citation, citations } from './citations.js'
import { requirements, type Section } from './requirements/index.js'
import type { Requirement } from './requirements/requirement.js'
import { type Problems, runAsCheck } from './run-as-check.js'

/** A test cites each rule that a transport keeps, and tests cite rules only. */
export function checkRequirements(root: string, sections: readonly Section[] = requirements): Problems {
  const rules = sections.flatMap((section) => section.rules)
  const cited = citations(root)
  return [...incomplete(root, rules), ...unknown(rules, cited), ...untested(rules, cited)]
}

function untested(rules: readonly Requirement[], cited: readonly Citation[]): string[] {
  const ids = new Set(cited.map(({ id }) => id))
  return rules
    .filter(({ owner, id }) => owner === 'transport' && !ids.has(id))
    .map(({ id, packages = [], rule }) => `${id} (${packages.join(', ')}): no test cites it: ${rule}`)
}

function unknown(rules: readonly Requirement[], cited: readonly Citation[]): string[] {
  const ids = new Set(rules.map(({ id }) => id))
  return cited.filter(({ id }) => !ids.has(id)).map(({ id, place }) => `${place}: there is no rule ${id}`)
}

function incomplete(root: string, rules: readonly Requirement[]): string[] {
  const seen = new Set<string>()
  return rules.flatMap(({ id, owner, packages = [] }) => {
    const twice = seen.has(id) ? [`${id}: is listed twice`] : []
    seen.add(id)
    const named = packages.length > 0
    const misplaced =
      named === (owner === 'transport')
        ? []
        : [`${id}: \`packages\` belongs to rules of a transport, and to them alone`]
    const gone = packages
      .filter((folder) => !existsSync(join(root, 'packages', folder)))
      .map((folder) => `${id}: there is no package ${folder}`)
    return [...twice, ...misplaced, ...gone]
  })
}

await runAsCheck(import.meta.url, checkRequirements)
