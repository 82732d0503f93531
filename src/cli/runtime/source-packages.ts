/**
 * Fetches Debian's source packages: apt does, with the machine's own sources and keys, and with folders of its own, so that
 * it needs no root and changes nothing.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { CliError } from '../errors.ts'
import { sourceLines, sourceParagraphs } from './apt-sources.ts'
import type { BuildLog } from './build-log.ts'
import type { SourcePackage } from './recipe.ts'
import { runTool } from './tool.ts'

const APT = '/etc/apt'

export interface FetchOptions {
  /** Where downloads and lists are kept. */
  readonly folder: string
  readonly log: BuildLog
}

/** What is there of a source package: a version, and the files of it. */
export interface FetchedSource extends SourcePackage {
  readonly version: string
  readonly folder: string
}

/** Rejects with RUNTIME_SOURCE_FAILED. What has been fetched before is taken as it is. */
export async function fetchSources(
  sources: readonly SourcePackage[],
  { folder, log }: FetchOptions,
): Promise<readonly FetchedSource[]> {
  const known = sources.map((source) => fetchedBefore(source, folder))
  if (known.every((source) => source !== undefined)) return known
  const apt = await prepareApt(join(folder, 'apt'), log)
  const fetched: FetchedSource[] = []
  for (const source of sources) {
    fetched.push(fetchedBefore(source, folder) ?? (await fetchOne(source, apt, { folder, log })))
  }
  return fetched
}

function placeOf({ package: name }: SourcePackage, folder: string): string {
  return join(folder, 'source', name)
}

function fetchedBefore(source: SourcePackage, folder: string): FetchedSource | undefined {
  const place = placeOf(source, folder)
  const file = join(place, 'version')
  if (!existsSync(file)) return undefined
  return { ...source, version: readFileSync(file, 'utf8').trim(), folder: place }
}

/** The options that make apt work in `folder`; its lists of sources are there then. */
async function prepareApt(folder: string, log: BuildLog): Promise<readonly string[]> {
  log.step("fetch the lists of Debian's source packages")
  const parts = join(folder, 'parts')
  for (const name of ['parts', 'lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(parts, 'own.list'), `${readAll('list').map(sourceLines).join('\n')}\n`)
  const paragraphs = readAll('sources').map(sourceParagraphs).filter(Boolean).join('\n\n')
  writeFileSync(join(parts, 'own.sources'), `${paragraphs}\n`)
  const options = [
    'Dir::Etc::sourcelist=/dev/null',
    `Dir::Etc::sourceparts=${parts}`,
    `Dir::State::lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    'Debug::NoLocking=1',
    // As root it would give its files away to a user who may not come here.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
  // One of many sources may be without; what is missing is seen when it is asked for.
  await runTool('apt-get', [...options, 'update'], { log }).catch((cause: unknown) => {
    log.write(`apt-get update: ${systemCodeOf(cause)}`)
  })
  return options
}

function readAll(ending: 'list' | 'sources'): string[] {
  const folder = join(APT, 'sources.list.d')
  const paths = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(`.${ending}`))
        .map((name) => join(folder, name))
    : []
  if (ending === 'list') paths.push(join(APT, 'sources.list'))
  return paths.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'))
}

async function fetchOne(
  source: SourcePackage,
  apt: readonly string[],
  { folder, log }: FetchOptions,
): Promise<FetchedSource> {
  const { package: name, patches } = source
  const versions = await versionsOf(name, apt, log)
  const place = placeOf(source, folder)
  const draft = `${place}.part`
  let last: unknown
  // The newest one is not always on every mirror any more, or yet.
  for (const version of versions) {
    log.step(`fetch the source of ${name} ${version}`)
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { recursive: true })
    try {
      // What Debian has changed is an archive of its own, which a mirror may lack.
      const part = patches ? [] : ['--tar-only']
      const args = [...apt, 'source', '--download-only', ...part, `${name}=${version}`]
      await runTool('apt-get', args, { cwd: draft, log })
    } catch (error) {
      last = error
      continue
    }
    writeFileSync(join(draft, 'version'), `${version}\n`)
    rmSync(place, { recursive: true, force: true })
    renameSync(draft, place)
    return { ...source, version, folder: place }
  }
  const why =
    versions.length === 0
      ? 'the package sources of this machine have none'
      : `${versions.join(' and ')} cannot be fetched (${systemCodeOf(last)})`
  throw new CliError(
    'RUNTIME_SOURCE_FAILED',
    `Cannot fetch the source package ${name}: ${why}, wanted a mirror of Debian 12 in ${APT}`,
    { cause: last },
  )
}

/** Newest first. */
async function versionsOf(name: string, apt: readonly string[], log: BuildLog): Promise<string[]> {
  const told = await runTool('apt-cache', [...apt, 'showsrc', '--only-source', name], {
    log,
  }).catch(() => '')
  const versions = [...told.matchAll(/^Version: (\S+)$/gm)].map(([, version = '']) => version)
  const unique = [...new Set(versions)]
  if (unique.length < 2) return unique
  const script =
    'for a; do n=0; for b; do dpkg --compare-versions "$a" lt "$b" && n=$((n+1)); done; echo "$n $a"; done | sort -n'
  const sorted = await runTool('sh', ['-c', script, 'sh', ...unique], { log })
  return sorted.split('\n').map((line) => line.replace(/^\d+ /, ''))
}
