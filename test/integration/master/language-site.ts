/** A tenant with an application in a language, and what has to hold of its requests in every language. */
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { runtimePath } from '../../support/have-runtime.ts'
import { mostRepeats } from '../../support/repeats.ts'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

export interface LanguageSite {
  readonly folder: string
  readonly serving: Serving
  readonly client: Client
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
}

/** Its data are in `data` of the folder, which its application is told in DATA. */
export async function startSite(options: SiteOptions): Promise<LanguageSite> {
  const { name, extension, runtime, app, top = '', tenant = '', tables = () => '' } = options
  const folder = makeFolder()
  cpSync(resolve('test/support', name), folder, { recursive: true })
  const data = join(folder, 'data')
  mkdirSync(data)
  chmodSync(data, 0o777)
  const config = configText(folder, {
    top: `${top}[[runtime]]\nname = "${name}"\nmodule = "${runtimePath(name)}"\nextensions = ["${extension}"]\n${runtime}\n`,
    pool: 'workers = 1',
    tenant: `runtimes = ["${name}"]\n${app === undefined ? '' : `app = "${app}"`}\nenv = { DATA = "${data}" }\n${tenant}
[[tenant.mounts]]\nhost = "${data}"\nguest = "${data}"\nwritable = true\n${tables(folder)}`,
  })
  const serving = await serve({ folder, config })
  return { folder, serving, client: new Client(serving.socket) }
}

/** Of clients that ask at once. */
const WIDTH = 8

/** Asks for `/drawn`, which answers an object of values; `bits`: how many of each are random. */
export async function expectNothingRepeats(
  { serving }: LanguageSite,
  bits: Readonly<Record<string, number>>,
  requests: number,
): Promise<void> {
  const values = new Map(Object.keys(bits).map((name) => [name, [] as unknown[]]))
  let asked = 0
  const askOn = async (): Promise<void> => {
    const client = new Client(serving.socket)
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
export async function expectOneBreaks(site: LanguageSite, breaking: Breaking): Promise<void> {
  const { client, serving } = site
  for (const [name, { status, log }] of Object.entries(breaking)) {
    const from = serving.log().length
    const asked = status === undefined ? new Client(serving.socket) : client
    const answer = await asked.get(name).catch((error: unknown) => String(error))
    if (status !== undefined)
      expect(answer, `${name}: ${serving.log().slice(from)}`).toMatchObject({ status })
    await serving.logged(log, from)
    expect((await client.get('drawn')).status, name).toBe(200)
  }
}
