/** Releases of scripts, published and served: what answers which path, what goes live, what is refused. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { PROGRAM } from '../../support/program.ts'
import { envReactor, variablesIn } from '../../support/reactor.ts'
import { Client, configText, makeFolder, type Serving, serve } from '../master/serve.ts'

const RUNTIMES = ['env', 'other'].map(
  (name) =>
    `[[runtime]]\nname = "${name}"\nmodule = "env.wasm"\nextensions = [".${name}"]\nindex = "index.${name}"\n`,
)

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Site {
  readonly folder: string
  readonly serving: Serving
  readonly client: Client
  run(...args: readonly string[]): Promise<Ran>
  /** Writes files into a folder `name` and publishes it. */
  publish(
    name: string,
    manifest: object | undefined,
    files: Readonly<Record<string, string>>,
    ...more: readonly string[]
  ): Promise<Ran>
}

async function openSite(tenant = ''): Promise<Site> {
  const folder = makeFolder()
  writeFileSync(join(folder, 'env.wasm'), envReactor())
  mkdirSync(join(folder, 'data'))
  const text = configText(folder, {
    top: `store = "store"\n[log]\nlevel = "debug"\n${RUNTIMES.join('')}`,
    tenant: `runtimes = ["env"]\nenv = { OWN = "tenant" }\n${tenant}
[[tenant.mounts]]\nhost = "${folder}/data"\nguest = "/app/data"\nwritable = true\n`,
  })
  const serving = await serve({ folder, config: text.replace(/^root = .*$/m, '') })
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  const config = join(folder, 'wasm-fpm.toml')
  const run: Site['run'] = (...args) =>
    new Promise((done) => {
      execFile(
        process.execPath,
        [...PROGRAM, ...args, '--config', config],
        (error, stdout, stderr) =>
          done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      )
    })
  return {
    ...{ folder, serving, client, run },
    publish: (name, manifest, files, ...more) => {
      const all = {
        ...files,
        ...(manifest === undefined ? {} : { 'wasm-fpm.json': JSON.stringify(manifest) }),
      }
      for (const [path, content] of Object.entries(all)) {
        mkdirSync(dirname(join(folder, name, path)), { recursive: true })
        writeFileSync(join(folder, name, path), content)
      }
      return run('publish', join(folder, name), '--tenant', 'site', ...more)
    },
  }
}

const FILES = {
  'index.env': '',
  'doc.env': '',
  'lib/call.env': '',
  'lib/index.env': '',
  'lib/style.css': 'css',
  'index.html': 'page',
  '.secret': 'no',
  '.git/config': 'no',
}

test('a folder of scripts answers by its files, at any route', async () => {
  const { client, publish } = await openSite()
  const static_ = [{ path: '/' }, { path: '/assets', folder: 'lib' }]
  const { code, stdout } = await publish(
    'wiki',
    { runtime: 'env', env: { MODE: 'live' }, static: static_ },
    FILES,
  )
  expect(code).toBe(0)
  expect(stdout).toMatch(/^read +handler wiki at \/: 7 files of /m)
  expect(stdout).toMatch(/^verify +4 scripts for runtime env; index\.env answers its route/m)
  expect(stdout).not.toMatch(/^(harden|compile|probe)/m)

  const paths = async (path: string, query = '') => {
    const { body } = await client.get(path, query)
    const { SCRIPT_NAME, SCRIPT_FILENAME, PATH_INFO, REQUEST_URI } = variablesIn(body)
    return [SCRIPT_NAME, SCRIPT_FILENAME, PATH_INFO, REQUEST_URI]
  }
  expect(await paths('')).toEqual(['/index.env', '/app/index.env', undefined, '/?'])
  expect(await paths('doc.env/a/b', 'x')).toEqual([
    '/doc.env',
    '/app/doc.env',
    '/a/b',
    '/doc.env/a/b?x',
  ])
  expect(await paths('lib/')).toEqual(['/lib/index.env', '/app/lib/index.env', undefined, '/lib/?'])
  expect(await paths('assets/call.env')).toEqual([
    '/assets/call.env',
    '/app/lib/call.env',
    undefined,
    '/assets/call.env?',
  ])
  const { body } = await client.get('doc.env')
  expect(variablesIn(body)).toMatchObject({ DOCUMENT_ROOT: '/app', MODE: 'live', OWN: 'tenant' })
  expect(await client.get('lib/style.css')).toEqual({ status: 200, body: 'css' })
  expect(await client.get('assets/style.css')).toEqual({ status: 200, body: 'css' })
  for (const path of ['.secret', '.git/config', 'no.env', 'wasm-fpm.json', 'lib/no.css'])
    expect((await client.get(path)).status, path).toBe(404)
  const post = { REQUEST_METHOD: 'POST', CONTENT_LENGTH: '0' }
  expect((await client.get('assets/call.env', '', post)).status).toBe(200)
  expect((await client.get('lib/style.css', '', post)).status).toBe(405)
})

test('the script in front answers what nothing else does; files are not sent unless it is said', async () => {
  const { client, publish, run } = await openSite()
  const manifest = { runtime: 'env', routes: ['/shop'], front: 'index.env', files: 'public' }
  const files = { 'public/index.env': '', 'public/a.txt': 'a', 'notes.txt': 'not published' }
  expect(await publish('shop', manifest, files)).toMatchObject({ code: 0 })
  for (const path of ['shop/pretty/page', 'shop', 'shop/a.txt', 'shop/no.env']) {
    const { body } = await client.get(path)
    expect(variablesIn(body), path).toMatchObject({
      SCRIPT_NAME: '/shop/index.env',
      SCRIPT_FILENAME: '/app/index.env',
      REQUEST_URI: `/${path}?`,
    })
  }
  expect((await client.get('other')).status).toBe(404)
  expect((await run('releases', '--tenant', 'site')).stdout).toMatch(/shop +\/shop +env +2 /)
  expect((await run('routes', '--tenant', 'site')).stdout).toMatch(/\/shop .*shop, scripts of env/)
})

test('a release goes live, back and away as others do; files never change within it', async () => {
  const { client, publish, run, serving } = await openSite()
  await publish(
    'one',
    { runtime: 'env', name: 'app', env: { RELEASE: 'one' } },
    { 'index.env': '' },
  )
  const seen = async () => variablesIn((await client.get('')).body)['RELEASE']
  expect(await seen()).toBe('one')
  const from = serving.log().length
  await publish(
    'two',
    { runtime: 'env', name: 'app', env: { RELEASE: 'two' } },
    { 'index.env': 'x' },
  )
  await serving.logged(/releases switched/, from)
  expect(await seen()).toBe('two')
  const back = serving.log().length
  expect(await run('rollback', '--tenant', 'site')).toMatchObject({ code: 0 })
  await serving.logged(/releases switched/, back)
  expect(await seen()).toBe('one')
  for (const command of ['fsck', 'collect']) expect((await run(command)).code, command).toBe(0)
  expect(await seen()).toBe('one')
})

const REFUSED = [
  {
    name: 'a runtime that it does not have',
    manifest: { runtime: 'other' },
    says: /its runtime is "other", and the tenant has "env", wanted one of the tenant's.*\[STORE_NO_RUNTIME\].*name it in `runtimes`/s,
  },
  {
    name: 'no script',
    manifest: { runtime: 'env', files: 'empty' },
    says: /none of its 1 files ends in \.env.*\[STORE_NO_SCRIPTS\].*publish the folder with the scripts/s,
  },
  {
    name: 'no front',
    manifest: { runtime: 'env', front: 'no.env' },
    says: /"front" is "no\.env", which is not there.*\[STORE_BAD_MANIFEST\]/,
  },
]

test('what cannot run is refused, with what to do', async () => {
  const { publish, serving } = await openSite()
  for (const [index, { name, manifest, says }] of REFUSED.entries()) {
    const files = { 'index.env': '', 'empty/a.txt': '' }
    const { code, stderr } = await publish(`refused${index}`, manifest, files)
    expect(code, name).toBe(1)
    expect(stderr, name).toMatch(says)
  }
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  expect((await client.get('')).status).toBe(404)
})

test('--runtime needs no manifest', async () => {
  const { publish, client } = await openSite()
  const { code } = await publish('plain', undefined, { 'index.env': '' }, '--runtime', 'env')
  expect(code).toBe(0)
  expect(variablesIn((await client.get('')).body)['SCRIPT_NAME']).toBe('/index.env')
})

test('a release whose runtime the tenant does not have any more says so', async () => {
  const { publish, client, serving, folder } = await openSite()
  await publish('plain', { runtime: 'env' }, { 'index.env': '' })
  expect((await client.get('')).status).toBe(200)
  const text = configText(folder, { top: `store = "store"\n${RUNTIMES.join('')}`, tenant: '' })
  serving.writeConfig(text.replace(/^root = .*$/m, ''))
  expect(await serving.command('reload')).toMatchObject({ code: 0 })
  expect((await client.get('')).status).toBe(503)
  await serving.logged(/"code":"GUEST_NO_RUNTIME".*its runtime is env, tenant site has none/)
})
