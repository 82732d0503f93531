/** A tenant with an application in a language, and what has to hold of its requests in every language. */
import { chmodSync, cpSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { runtimePath } from '../../support/have-runtime.ts'
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
  /** More lines of the tenant's. */
  readonly tenant?: string
  /** Tables after them, given the root. */
  readonly tables?: (root: string) => string
}

/** Its data are in `data` of the folder, which its application is told in DATA. */
export async function startSite(options: SiteOptions): Promise<LanguageSite> {
  const { name, extension, runtime, app, tenant = '', tables = () => '' } = options
  const folder = makeFolder()
  cpSync(resolve('test/support', name), folder, { recursive: true })
  const data = join(folder, 'data')
  mkdirSync(data)
  chmodSync(data, 0o777)
  const config = configText(folder, {
    top: `[[runtime]]\nname = "${name}"\nmodule = "${runtimePath(name)}"\nextensions = ["${extension}"]\n${runtime}\n`,
    pool: 'workers = 1',
    tenant: `runtimes = ["${name}"]\n${app === undefined ? '' : `app = "${app}"`}\nenv = { DATA = "${data}" }\n${tenant}
[[tenant.mounts]]\nhost = "${data}"\nguest = "${data}"\nwritable = true\n${tables(folder)}`,
  })
  const serving = await serve({ folder, config })
  return { folder, serving, client: new Client(serving.socket) }
}

/** Asks for `/drawn`, which answers an object of values. */
export async function expectNothingRepeats(
  { client, serving }: LanguageSite,
  names: readonly string[],
  requests: number,
): Promise<void> {
  const values = new Map<string, Set<unknown>>()
  for (let count = 0; count < requests; count += 1) {
    const { body, status } = await client.get('drawn')
    expect(status, serving.log()).toBe(200)
    for (const [name, value] of Object.entries(JSON.parse(body))) {
      const known = values.get(name) ?? new Set()
      values.set(name, known.add(value))
    }
  }
  expect([...values.keys()].toSorted()).toEqual(names.toSorted())
  for (const [name, { size }] of values) expect(size, name).toBe(requests)
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
