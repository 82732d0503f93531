/** The applications that are measured, one a tenant. */
import { join, resolve } from 'node:path'

export interface TenantPage {
  /** Also its path. */
  readonly name: string
  readonly language: 'ruby' | 'lua' | 'perl' | 'python'
  readonly root: string
  /** What is in `app`. */
  readonly app: string
  readonly runtime: string
  /** Folders that are mounted below the root: where they are on this machine. */
  readonly mounts: Readonly<Record<string, string>>
}

export interface Page extends TenantPage {
  /** The server beside, and Debian's packages of it. */
  readonly peer: 'puma' | 'starman' | 'fcgiwrap'
  readonly packages: string
}

const SITE = join(import.meta.dirname, 'site')
const SINATRA = {
  'vendor/gems': '/usr/share/rubygems-integration/all/gems',
  'vendor/ruby': '/usr/lib/ruby/vendor_ruby',
}

const of = (language: Page['language']) => ({
  language,
  root: join(SITE, language),
  runtime: resolve(import.meta.dirname, `../../build/runtimes/${language}.wasm`),
})
const PUMA = { ...of('ruby'), peer: 'puma', packages: 'puma, ruby-sinatra' } as const

export const PAGES: readonly Page[] = [
  { ...PUMA, name: 'rack', app: 'config.ru', mounts: {} },
  { ...PUMA, name: 'sinatra-text', app: 'sinatra.ru', mounts: SINATRA },
  { ...PUMA, name: 'sinatra-page', app: 'sinatra.ru', mounts: SINATRA },
  {
    ...{ ...of('perl'), name: 'psgi', app: 'hello.psgi', mounts: {} },
    ...{ peer: 'starman', packages: 'starman' },
  },
  {
    ...{ ...of('lua'), name: 'lua', app: 'hello', mounts: {} },
    ...{ peer: 'fcgiwrap', packages: 'fcgiwrap, lua5.4' },
  },
]

export function runtimeTables(pages: readonly TenantPage[]): string {
  const runtimes = new Map(pages.map(({ language, runtime }) => [language, runtime]))
  return [...runtimes]
    .map(
      ([name, module]) =>
        `[[runtime]]\nname = "${name}"\nmodule = "${module}"\nextensions = [".${name}"]\nboot_timeout = "60s"`,
    )
    .join('\n')
}

/** The page is run ahead. */
export function tenantLines(
  { name: path, language, app, mounts }: TenantPage,
  { name, root }: { readonly name: string; readonly root: string },
): string {
  const tables = Object.entries(mounts).map(
    ([below, host]) => `[[tenant.mounts]]\nguest = "${root}/${below}"\nhost = "${host}"`,
  )
  return `[[tenant]]
name = "${name}"
root = "${root}"
runtimes = ["${language}"]
app = "${app}"
max_children = 64
access_log = "off"
queue = { timeout = "60s" }
limits = { wall = "60s" }
warm = ["/${path}"]
${tables.join('\n')}`
}
