/** The folder of guests the peers tests serve: /c/*.wasm, /rust/*.wasm, /as/*.wasm and a few plain files. */
import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const LANGUAGES = ['as', 'c', 'rust'] as const

export interface Site {
  readonly root: string
  /** The languages that could be built here; all of them in CI. */
  readonly languages: readonly (typeof LANGUAGES)[number][]
  /** Removes the folder. Idempotent. */
  remove(): void
}

/** Builds what is out of date of the guests and lays a site out in a temporary folder. */
export async function makeSite(): Promise<Site> {
  const { CI } = process.env
  const flags = CI ? ['--require-all'] : []
  await promisify(execFile)(process.execPath, ['guests/build.ts', ...flags])
  const root = mkdtempSync(join(tmpdir(), 'wasm-fpm-site-'))
  chmodSync(root, 0o755)
  const languages = LANGUAGES.filter((language) => existsSync(join('build/guests', language)))
  for (const language of languages) {
    cpSync(join('build/guests', language), join(root, language), { recursive: true })
  }
  writeFileSync(join(root, 'greeting.txt'), 'greetings from the image\n')
  mkdirSync(join(root, 'folder'))
  writeFileSync(join(root, 'folder/one.txt'), 'one\n')
  return { root, languages, remove: () => rmSync(root, { recursive: true, force: true }) }
}
