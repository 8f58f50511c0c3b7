// Writes the API reference of all packages as HTML into `api-docs`, from their sources.
import { join } from 'node:path'
import { Application, type TypeDocOptions } from 'typedoc'
import { repositoryRoot } from './run-as-check.js'
import { publicPackages, sourceEntries } from './workspace.js'

const OUTPUT = 'api-docs'

const entries = publicPackages(repositoryRoot).flatMap((each) =>
  sourceEntries(each).map(({ subpath, file }) => ({ name: each.manifest.name + subpath.slice(1), file })),
)
const options: TypeDocOptions = {
  name: 'mcpwire',
  entryPoints: entries.map(({ file }) => file),
  tsconfig: join(repositoryRoot, 'tooling/tsconfig.docs.json'),
  out: join(repositoryRoot, OUTPUT),
  readme: 'none',
  alwaysCreateEntryPointModule: true,
  excludePrivate: true,
  excludeInternal: true,
  githubPages: false,
  // The build checks types, with other libraries for the neutral part of a package than for its Node part.
  skipErrorChecking: true,
  validation: { invalidLink: true, notExported: true, notDocumented: false },
  blockTags: ['@defaultValue', '@example', '@param', '@remarks', '@retry', '@returns', '@see', '@throws'],
}
const app = await Application.bootstrap(options)
const project = await app.convert()
if (project === undefined) process.exit(1)
for (const module of project.children ?? []) {
  const path = module.sources?.[0]?.fullFileName
  const entry = entries.find(({ file }) => file === path)
  if (entry !== undefined) module.name = entry.name
}
app.validate(project)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
await app.generateOutputs(project)
console.log(`wrote ${OUTPUT}/index.html`)
