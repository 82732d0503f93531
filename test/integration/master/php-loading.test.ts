/** PHP scripts that are loaded ahead leave nothing behind that a request would notice. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { havePhpRuntime, PHP_RUNTIME } from '../../support/php-runtime.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

/** An optional parameter before a required one: the compiler says so, and is silent when the script is loaded already. */
const WARNS = '<?php function f($a = 1, $b) {} echo ini_get("session.save_path");'

test.skipIf(!havePhpRuntime())('warnings, and settings that come with a request', async () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'warns.php'), WARNS)
  const runtime = `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n`
  const serving = await serve({
    folder,
    config: configText(folder, {
      top: `${runtime}env = { PHP_INI = "display_errors=1\\nerror_reporting=32767" }`,
      pool: 'workers = 1',
      tenant: 'runtimes = ["php"]',
    }),
  })
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  const ask = (settings: string) => client.get('warns.php', '', { PHP_VALUE: settings })
  expect((await ask('')).body).toContain('<b>Deprecated</b>')
  await expect.poll(() => ask('')).toEqual({ status: 200, body: '/var/lib/php/sessions' })
  // The session's own settings are refused while it runs, and when the answer has begun.
  expect(await ask('session.save_path=/a')).toEqual({ status: 200, body: '/a' })
  const wrong = 'session.serialize_handler=unknown\nsession.save_path=/b\ndisplay_errors=1'
  expect(await ask(wrong)).toEqual({ status: 200, body: '/b' })
})

test.skipIf(!havePhpRuntime())(
  'a handler with settings of its own has none of the tenant',
  async () => {
    const folder = makeFolder()
    const script =
      'echo ini_get("precision"), " ", ini_get("user_agent"), " ", ini_set("precision", "3") === false ? "fixed" : "free";'
    writeFileSync(join(folder, 'own.php'), `<?php ${script}`)
    writeFileSync(join(folder, 'other.php'), `<?php function f($a = 1, $b) {} ${script}`)
    const runtime = `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n`
    const serving = await serve({
      folder,
      config: configText(folder, {
        top: `${runtime}env = { PHP_INI = "display_errors=1\\nerror_reporting=32767" }`,
        pool: 'workers = 1',
        tenant: `runtimes = ["php"]
env = { PHP_VALUE = "user_agent=tenant", PHP_ADMIN_VALUE = "precision=5" }
[[tenant.handlers]]
name = "own.php"
env = { PHP_VALUE = "precision=7", PHP_ADMIN_VALUE = "" }`,
      }),
    })
    const client = new Client(serving.socket)
    onTestFinished(() => client.close())
    const bodyOf = async (name: string) => (await client.get(name)).body
    expect(await bodyOf('own.php'), serving.log()).toBe('7  free')
    // Once it has been loaded ahead, with the tenant's: the compiler says nothing more.
    await expect.poll(() => bodyOf('other.php')).toBe('5 tenant fixed')
    for (let round = 0; round < 3; round += 1) expect(await bodyOf('own.php')).toBe('7  free')
    expect(await bodyOf('other.php')).toBe('5 tenant fixed')
  },
)
