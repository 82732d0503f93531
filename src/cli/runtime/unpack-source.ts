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
    await runTool('tar', ['xf', archiveOf(source, 'orig'), '-C', draft, '--strip-components=1'], {
      log,
    })
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

function archiveOf({ folder, package: name }: FetchedSource, kind: 'orig' | 'debian'): string {
  const found = readdirSync(folder).find(
    (file) =>
      file.startsWith(`${name}_`) &&
      // Others of a package have a name of their own between: `.orig-www.tar.xz`.
      new RegExp(`\\.${kind}\\.tar\\.(?:xz|gz|bz2)$`).test(file),
  )
  if (found === undefined) throw new Error(`there is no ${kind} archive in ${folder}`)
  return join(folder, found)
}

async function patch(source: FetchedSource, folder: string, log: BuildLog): Promise<void> {
  await runTool('tar', ['xf', archiveOf(source, 'debian'), '-C', folder], { log })
  const patches = join(folder, 'debian/patches')
  const series = readFileSync(join(patches, 'series'), 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s/)[0] ?? '')
    .filter((name) => name !== '')
  for (const name of series) {
    await runTool('patch', ['-s', '-p1', '-N', '-i', join(patches, name)], { cwd: folder, log })
  }
}
