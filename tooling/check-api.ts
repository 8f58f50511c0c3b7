import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { type Problems, runAsCheck } from './run-as-check.js'
import { publicPackages, type WorkspacePackage } from './workspace.js'

/** The public API equals `etc/*.api.md`. Every change of it is visible in a review. */
export function checkApi(root: string): Problems {
  return reports(root, { write: false }).map((name) => `etc/${name}: out of date; run npm run generate`)
}

/** Writes the reports that differ. Returns no problems. */
function writeApi(root: string): Problems {
  for (const name of reports(root, { write: true })) console.log(`wrote etc/${name}`)
  return []
}

function reports(root: string, { write }: { write: boolean }): string[] {
  const temporary = join(root, '.cache/api')
  mkdirSync(temporary, { recursive: true })
  mkdirSync(join(root, 'etc'), { recursive: true })
  return publicPackages(root).flatMap((workspacePackage) =>
    Object.entries(workspacePackage.manifest.exports ?? {}).flatMap(([subpath, target]) => {
      const types = typeof target === 'string' ? undefined : target['types']
      if (types === undefined) return []
      const name = `${workspacePackage.folder}${subpath.slice(1).replaceAll('/', '-')}.api.md`
      return isCurrent(root, workspacePackage, types, name, write) ? [] : [name]
    }),
  )
}

function isCurrent(
  root: string,
  { path }: WorkspacePackage,
  types: string,
  name: string,
  write: boolean,
): boolean {
  const entry = join(path, types)
  if (!existsSync(entry)) throw new Error(`${entry} is missing; build first`)
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(path, 'package.json'),
    configObject: {
      projectFolder: path,
      mainEntryPointFilePath: entry,
      compiler: { overrideTsconfig: compilerOptions(root) },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: join(root, 'etc'),
        reportTempFolder: join(root, '.cache/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
      },
    },
  })
  const result = Extractor.invoke(config, {
    localBuild: write,
    messageCallback: (message) => {
      message.handled = message.logLevel !== ExtractorLogLevel.Error
    },
  })
  if (result.errorCount > 0) throw new Error(`api-extractor failed on ${entry}`)
  return !result.apiReportChanged
}

function compilerOptions(root: string): object {
  return {
    extends: join(root, 'tooling/tsconfig.check.json'),
    compilerOptions: { customConditions: [], lib: ['ES2023', 'ESNext.Disposable'], skipLibCheck: true },
    files: [],
  }
}

await runAsCheck(import.meta.url, process.argv.includes('--write') ? writeApi : checkApi)
