/** A tenant with an application in a language, and what has to hold of its requests in every language. */
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { runtimePath } from '../../support/have-runtime.ts'
import { mostRepeats } from '../../support/repeats.ts'
import { type AtEnd, Client, configText, makeFolder, type Serving, serve } from './serve.ts'

export interface LanguageSite {
  readonly folder: string
  readonly serving: Serving
  readonly client: Client
  connect(): Client
}

/** A tenant of a site, which has a folder of its own for data. */
export interface TenantSite extends Pick<LanguageSite, 'serving' | 'connect'> {
  readonly data: string
}

export interface SiteOptions {
  /** Of the runtime; its files are test/support/NAME. */
  readonly name: string
  readonly extension: string
  /** Lines of the runtime's. */
  readonly runtime: string
  /** Undefined: there are scripts. */
  readonly app: string | undefined
  /** Lines before all tables. */
  readonly top?: string
  /** More lines of the tenant's. */
  readonly tenant?: string
  /** Tables after them, given the root. */
  readonly tables?: (root: string) => string
  readonly atEnd?: AtEnd
}

/** Its data are in `data` of the folder, which its application is told in DATA. */
export async function startSite(options: SiteOptions): Promise<LanguageSite> {
  const { name, extension, runtime, top = '', tables = () => '', atEnd } = options
  const folder = makeFolder(atEnd)
  cpSync(resolve('test/support', name), folder, { recursive: true })
  const data = dataFolder(folder, 'data')
  const config = configText(folder, {
    top: `${top}[[runtime]]\nname = "${name}"\nmodule = "${runtimePath(name)}"\nextensions = ["${extension}"]\n${runtime}\n`,
    pool: 'workers = 1',
    tenant: `${tenantLines(options, data)}${tables(folder)}`,
  })
  const serving = await serve({ folder, config, ...(atEnd === undefined ? {} : { atEnd }) })
  const connect = (): Client => new Client(serving.socket)
  return { folder, serving, client: connect(), connect }
}

/** One site of several tenants, `tenants` having lines of each: the runtime is booted once. */
export async function startTenants<Name extends string>(
  options: Omit<SiteOptions, 'tenant' | 'tables'>,
  tenants: Readonly<Record<Name, string>>,
): Promise<Readonly<Record<Name, TenantSite>>> {
  const places = new Map<string, string>()
  const { serving } = await startSite({
    ...options,
    app: undefined,
    tables: (folder) => {
      const tables = Object.entries<string>(tenants).map(([name, tenant]) => {
        const data = dataFolder(folder, `data-${name}`)
        places.set(name, data)
        return `[[tenant]]\nname = "${name}"\npool = "www"\nhosts = ["${name}.example"]\nroot = "${folder}"\n${tenant.includes('access_log') ? '' : 'access_log = "stderr"\n'}${tenantLines({ ...options, tenant }, data)}`
      })
      return tables.join('')
    },
  })
  const sites = [...places].map(([name, data]): [string, TenantSite] => [
    name,
    {
      ...{ data, serving },
      connect: () => new Client(serving.socket, { HTTP_HOST: `${name}.example` }),
    },
  ])
  return Object.fromEntries(sites) as Record<Name, TenantSite>
}

function dataFolder(folder: string, name: string): string {
  const data = join(folder, name)
  mkdirSync(data)
  chmodSync(data, 0o777)
  return data
}

function tenantLines({ name, app, tenant = '' }: SiteOptions, data: string): string {
  return `runtimes = ["${name}"]\n${app === undefined ? '' : `app = "${app}"`}\nenv = { DATA = "${data}" }\n${tenant}
[[tenant.mounts]]\nhost = "${data}"\nguest = "${data}"\nwritable = true\n`
}

/** Of clients that ask at once. */
const WIDTH = 8

/** Asks for `/drawn`, which answers an object of values; `bits`: how many of each are random. */
export async function expectNothingRepeats(
  { connect, serving }: TenantSite,
  bits: Readonly<Record<string, number>>,
  requests: number,
): Promise<void> {
  const values = new Map(Object.keys(bits).map((name) => [name, [] as unknown[]]))
  let asked = 0
  const askOn = async (): Promise<void> => {
    const client = connect()
    while (asked++ < requests) {
      const { body, status } = await client.get('drawn')
      expect(status, serving.log()).toBe(200)
      for (const [name, value] of Object.entries(JSON.parse(body))) values.get(name)?.push(value)
    }
    client.close()
  }
  await Promise.all(Array.from({ length: WIDTH }, askOn))
  for (const [name, all] of values) {
    expect(all.length, name).toBe(requests)
    const repeats = all.length - new Set(all).size
    expect(repeats, name).toBeLessThanOrEqual(mostRepeats(requests, bits[name] ?? 0))
  }
}

/** By the path that is asked for; `status` undefined: the answer breaks off. */
export type Breaking = Readonly<Record<string, { readonly status?: number; readonly log: RegExp }>>

/** Each has its status and says why, and the next request is answered. */
export async function expectOneBreaks(
  { serving, connect }: Pick<LanguageSite, 'serving' | 'connect'>,
  breaking: Breaking,
): Promise<void> {
  const client = connect()
  for (const [name, { status, log }] of Object.entries(breaking)) {
    const from = serving.log().length
    const asked = status === undefined ? connect() : client
    const answer = await asked.get(name).catch((error: unknown) => String(error))
    if (status !== undefined)
      expect(answer, `${name}: ${serving.log().slice(from)}`).toMatchObject({ status })
    await serving.logged(log, from)
    expect((await client.get('drawn')).status, name).toBe(200)
  }
  client.close()
}
