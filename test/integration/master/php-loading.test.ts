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
