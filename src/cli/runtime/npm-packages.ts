/** Fetches packages of npm that a runtime is made of: npm does, from the registry that it is set to, and what comes has to be what the recipe names. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { CliError } from '../errors.ts'
import type { BuildLog } from './build-log.ts'
import type { NpmPackage } from './recipe.ts'
import { runTool } from './tool.ts'

/** Unpacks each into a folder of its own in `target`. Rejects with RUNTIME_SOURCE_FAILED. `folder`: where what was fetched is kept. */
export async function unpackNpmPackages(
  packages: readonly NpmPackage[],
  { folder, target, log }: { readonly folder: string; readonly target: string; log: BuildLog },
): Promise<void> {
  for (const one of packages) {
    const place = join(target, one.folder)
    if (existsSync(place)) continue
    const archive = await fetchPackage(one, join(folder, 'npm', one.folder), log)
    const draft = `${place}.part`
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { recursive: true })
    await runTool('tar', ['xf', archive, '-C', draft, '--strip-components=1'], { log })
    renameSync(draft, place)
  }
}

/** What has been fetched before is taken if it is the one. */
async function fetchPackage(wanted: NpmPackage, place: string, log: BuildLog): Promise<string> {
  const { package: name, version, integrity } = wanted
  const known = archiveIn(place)
  if (known !== undefined && integrityOf(known) === integrity) return known
  log.step(`fetch ${name} ${version} from npm`)
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  const fail = (actual: string, cause?: unknown): never => {
    throw new CliError(
      'RUNTIME_SOURCE_FAILED',
      `Cannot fetch npm's package ${name} ${version}: ${actual}, wanted a registry that has it`,
      { cause },
    )
  }
  await runTool('npm', ['pack', `${name}@${version}`, '--pack-destination', place], { log }).catch(
    (cause: unknown) => fail(systemCodeOf(cause), cause),
  )
  const archive = archiveIn(place) ?? fail('npm has put it nowhere')
  const actual = integrityOf(archive)
  return actual === integrity ? archive : fail(`it is ${actual}, and not ${integrity}`)
}

function archiveIn(place: string): string | undefined {
  const name = existsSync(place)
    ? readdirSync(place).find((one) => one.endsWith('.tgz'))
    : undefined
  return name === undefined ? undefined : join(place, name)
}

/** As lock files of npm have it. */
function integrityOf(path: string): string {
  return `sha512-${createHash('sha512').update(readFileSync(path)).digest('base64')}`
}
