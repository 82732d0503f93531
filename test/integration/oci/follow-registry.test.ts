/** A machine that follows what another one has exported to Debian's docker-registry, which wants a password. */
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { exportToRegistry } from '../../../src/follow/export-registry.ts'
import { parseReference } from '../../../src/oci/reference.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { publish } from '../../../src/store/publication.ts'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'
import { hasRegistry, startRegistry, USER } from './registry.ts'

const GUESTS = resolve('build/guests/as')

test.skipIf(!hasRegistry())(
  'what is exported there is served here, with a damaged, wrong or dead registry, too',
  async () => {
    const registry = await startRegistry({ auth: 'basic' })
    onTestFinished(() => registry.stop())
    const address = `oci://${registry.host}/fleet/store:live`
    const [there, folder] = [join(makeFolder(), 'store'), makeFolder()]
    const origin = await DirectoryStore.make(there, { clock })
    const units = { size: parseSize, duration: parseDuration }
    // One handler: its name is that of the file.
    const module = join(makeFolder(), 'app.wasm')
    const put = async (name: string): Promise<void> => {
      copyFileSync(join(GUESTS, name), module)
      await publish(module, { store: origin, tenant: 'site', route: '/app', units, clock })
    }
    const exported = () =>
      exportToRegistry(there, parseReference(address), { clock, credentials: USER })
    await put('hello.wasm')
    expect(await exported()).toMatchObject({ tenants: 1, changed: 1 })
    expect(await exported()).toMatchObject({ tenants: 1, changed: 0, newBytes: 0 })

    const secrets = join(folder, 'follow.env')
    const write = (password: string): void =>
      writeFileSync(secrets, `USERNAME=${USER.username}\nPASSWORD="${password}"\n`)
    write('canary-wrong')
    chmodSync(secrets, 0o600)
    const top = `store = "${folder}/own"\n[log]\nlevel = "debug"\n[follow]\nsource = "${address}"\ninterval = "100ms"\nenv_file = "follow.env"`
    const config = configText(folder, { top, pool: 'workers = 1' })
    const serving = await serve({ folder, config })
    const get = async (): Promise<string> => {
      const client = new Client(serving.socket)
      const { status, body } = await client.get('app')
      client.close()
      return `${status} ${body.slice(0, 5)}`
    }
    const status = async (): Promise<string> => (await serving.command('status')).stdout
    await serving.logged(/FOLLOW_NO_SOURCE/)
    write(USER.password)
    const shown = [(await serving.command('reload')).stdout, await status()]
    await expect.poll(get).toBe('200 Hello')

    // What the registry has of the new module is not what its digest says.
    await put('echo.wasm')
    await exported()
    const digest = createHash('sha256').update(readFileSync(module)).digest('hex')
    const good = readFileSync(registry.fileOf(digest))
    writeFileSync(registry.fileOf(digest), Buffer.concat([good.subarray(1), Buffer.alloc(1)]))
    await expect.poll(status).toMatch(/1 of 1 tenants behind[\s\S]*FOLLOW_STRANGE_ANSWER/)
    expect(await get()).toBe('200 Hello')
    writeFileSync(registry.fileOf(digest), good)
    await expect.poll(get).toMatch(/^200 \{/)

    await registry.stop()
    await expect.poll(status).toMatch(/\[FOLLOW_NO_SOURCE\]$/m)
    expect(await get()).toMatch(/^200 \{/)
    const local = await DirectoryStore.open(`${folder}/own`, { clock })
    expect((await local.check()).problems).toEqual([])
    shown.push(await status(), JSON.stringify(await serving.command('check')), serving.log())
    const pid = Number([...serving.log().matchAll(/"pid":(\d+),"source"/g)].at(-1)?.[1])
    for (const file of ['cmdline', 'environ'])
      shown.push(readFileSync(`/proc/${pid}/${file}`, 'utf8'))
    for (const secret of ['canary-wrong', USER.password]) expect(shown.join()).not.toContain(secret)
  },
)
