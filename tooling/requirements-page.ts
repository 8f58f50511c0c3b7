import { citations } from './citations.js'
import { requirements, type Section } from './requirements/index.js'
import { type Requirement, revisions, type Span } from './requirements/requirement.js'

const [oldest] = revisions
const newest = revisions.at(-1)

/** `docs/requirements.md`: a row for each rule, with its owner and the files of the tests that cite it. */
export function requirementsPage(root: string, sections: readonly Section[] = requirements): string {
  const files = new Map<string, Set<string>>()
  for (const { id, path } of citations(root)) files.set(id, (files.get(id) ?? new Set()).add(path))
  return [
    '# Rules of MCP, and who keeps them',
    '',
    '<!-- Written by npm run generate from tooling/requirements and the titles of tests. -->',
    '',
    'A rule whose owner is `transport` is kept by the packages named with it, whatever is built on them, and asserted by',
    'the tests in its row. The others are kept by whoever makes the messages (`sdk`), by the program around it',
    '(`application`), by `Gate` and `HttpHooks` implementations (`gate`), by OAuth clients and authorization servers',
    '(`authorization`), and by proxies and gateways (`intermediary`).',
    ...sections.flatMap(({ title, rules }) => [
      '',
      `## ${title}`,
      '',
      '| id | rule | revisions | owner | tests |',
      '| --- | --- | --- | --- | --- |',
      ...rules.map((rule) => rowOf(rule, [...(files.get(rule.id) ?? [])].sort())),
    ]),
    '',
  ].join('\n')
}

function rowOf(
  { id, rule, revisions: span, owner, packages }: Requirement,
  files: readonly string[],
): string {
  const keeper = packages ? `${owner}: ${packages.join(', ')}` : owner
  const tests = files.map((path) => `[${path.replace(/^packages\//, '')}](../${path})`).join(', ')
  return `| ${id} | ${rule.replaceAll('|', '\\|')} | ${spanText(span)} | ${keeper} | ${tests || '–'} |`
}

function spanText({ first, last }: Span): string {
  if (first === last) return first
  if (first === oldest && last === newest) return 'all'
  if (last === newest) return `since ${first}`
  return first === oldest ? `until ${last}` : `${first} to ${last}`
}
