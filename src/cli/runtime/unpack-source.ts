/** Unpacks a source package that has been fetched, and changes it as Debian does where that is wanted. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { CliError } from '../errors.ts'
import type { BuildLog } from './build-log.ts'
import type { FetchedSource } from './source-packages.ts'
import { runTool } from './tool.ts'

/** Unpacks into `folder/NAME`, unless it is there. Rejects with RUNTIME_SOURCE_FAILED. */
export async function unpackSource(
  source: FetchedSource,
  folder: string,
  log: BuildLog,
): Promise<void> {
  const target = join(folder, source.package)
  if (existsSync(target)) return
  log.step(`unpack ${source.package} ${source.version}`)
  const draft = `${target}.part`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  try {
    for (const { archive, below } of archivesOf(source)) {
      const into = join(draft, below)
      mkdirSync(into, { recursive: true })
      await runTool('tar', ['xf', archive, '-C', into, '--strip-components=1'], { log })
    }
    if (source.patches) await patch(source, draft, log)
  } catch (cause) {
    throw new CliError(
      'RUNTIME_SOURCE_FAILED',
      `Cannot unpack the source package ${source.package}: ${systemCodeOf(cause)}, wanted its archives whole, and room for them`,
      { cause },
    )
  }
  renameSync(draft, target)
}

/** Of a package's own files: the main archive first, then others, each in the folder that is in its name (`.orig-www.tar.xz`). */
function archivesOf({ folder, package: name }: FetchedSource): ReadonlyArray<{
  readonly archive: string
  readonly below: string
}> {
  const found = readdirSync(folder)
    .map((file) => ({ file, match: /\.orig(?:-([\w-]+))?\.tar\.(?:xz|gz|bz2)$/.exec(file) }))
    .filter(({ file, match }) => file.startsWith(`${name}_`) && match !== null)
    .map(({ file, match }) => ({ archive: join(folder, file), below: match?.[1] ?? '' }))
    .toSorted((one, other) => one.below.length - other.below.length)
  if (found[0]?.below !== '') throw new Error(`there is no orig archive in ${folder}`)
  return found
}

function changesOf({ folder, package: name }: FetchedSource): string {
  const found = readdirSync(folder).find(
    (file) => file.startsWith(`${name}_`) && /\.debian\.tar\.(?:xz|gz|bz2)$/.test(file),
  )
  if (found === undefined) throw new Error(`there is no debian archive in ${folder}`)
  return join(folder, found)
}

async function patch(source: FetchedSource, folder: string, log: BuildLog): Promise<void> {
  await runTool('tar', ['xf', changesOf(source), '-C', folder], { log })
  const patches = join(folder, 'debian/patches')
  const series = readFileSync(join(patches, 'series'), 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s/)[0] ?? '')
    .filter((name) => name !== '')
  for (const name of series) {
    await runTool('patch', ['-s', '-p1', '-N', '-i', join(patches, name)], { cwd: folder, log })
  }
}
