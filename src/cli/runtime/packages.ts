/** The Debian packages of the programs that make a runtime: which are there, and how the others come. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { systemCodeOf } from '../../base/errors.ts'
import { CliError } from '../errors.ts'
import type { BuildLog } from './build-log.ts'
import { runTool } from './tool.ts'

/** A script that says "no" to every server a package would start. */
const POLICY = '/usr/sbin/policy-rc.d'

/**
 * `name version` of each of them. Rejects with RUNTIME_NOT_DEBIAN, RUNTIME_PACKAGES_MISSING, RUNTIME_INSTALL_FAILED.
 * `mayInstall`: those that are missing are installed, which takes root.
 */
export async function requirePackages(
  names: readonly string[],
  mayInstall: boolean,
  log: BuildLog,
): Promise<readonly string[]> {
  let { versions, missing } = await look(names, log)
  if (missing.length > 0 && mayInstall) {
    log.step(`install ${missing.join(' ')}`)
    await install(missing, log)
    ;({ versions, missing } = await look(names, log))
  }
  if (missing.length === 0) return versions
  const user = process.getuid?.() === 0 ? '' : 'sudo '
  throw new CliError(
    'RUNTIME_PACKAGES_MISSING',
    `Cannot build: of the Debian packages it takes, ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed, wanted all: ${user}apt-get install --no-install-recommends ${missing.join(' ')}`,
    { details: { missing: missing.join(' ') } },
  )
}

async function look(
  names: readonly string[],
  log: BuildLog,
): Promise<{ readonly versions: readonly string[]; readonly missing: readonly string[] }> {
  const format = '-f=$' + '{Package} $' + '{Version} $' + '{db:Status-Status}\n'
  // It answers for those it knows, and fails when there are others.
  const script = 'command -v dpkg-query >&2 || exit 1; dpkg-query -W "$@"; exit 0'
  const told = await runTool('sh', ['-c', script, 'sh', format, ...names], { log }).catch(
    (cause: unknown) => {
      throw new CliError(
        'RUNTIME_NOT_DEBIAN',
        'Cannot build: there is no dpkg-query, wanted Debian 12, whose compiler and sources it takes',
        { cause },
      )
    },
  )
  const installed = told.split('\n').flatMap((line) => {
    const [name = '', version = '', status] = line.split(' ')
    return status === 'installed' ? [{ name, version }] : []
  })
  return {
    versions: installed.map(({ name, version }) => `${name} ${version}`).toSorted(),
    missing: names.filter((wanted) => !installed.some(({ name }) => name === wanted)),
  }
}

async function install(names: readonly string[], log: BuildLog): Promise<void> {
  const hasPolicy = existsSync(POLICY)
  try {
    if (!hasPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    await runTool('apt-get', ['update'], { log, env })
    await runTool('apt-get', ['install', '-y', '--no-install-recommends', ...names], { log, env })
  } catch (cause) {
    throw new CliError(
      'RUNTIME_INSTALL_FAILED',
      `Cannot install ${names.join(' ')}: ${systemCodeOf(cause)}, wanted root and a mirror that has them`,
      { cause },
    )
  } finally {
    if (!hasPolicy) rmSync(POLICY, { force: true })
  }
}
