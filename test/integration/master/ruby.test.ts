/** A Rack application and the requests it answers: what only Ruby has. See language-isolation.test.ts. */
import { expect, test } from 'vitest'
import { haveRuntime, runtimePath } from '../../support/have-runtime.ts'
import { haveSinatra, mountGems } from '../../support/sinatra.ts'
import { type Breaking, expectOneBreaks, type LanguageSite, startSite } from './language-site.ts'

const has = haveRuntime('Ruby', runtimePath('ruby'), [])

/** `tenant`: more of its lines. `tables`: after them. */
function start(
  app: string | undefined,
  tenant = '',
  tables = (_: string): string => '',
): Promise<LanguageSite> {
  return startSite({
    ...{ name: 'ruby', extension: '.rb', app, tables },
    runtime: 'memory = "160MiB"\nboot_timeout = "60s"',
    tenant: `limits = { cpu = "1s", wall = "20s" }\nqueue = { timeout = "60s" }\n${tenant}`,
  })
}

const BREAKING: Breaking = {
  fiber: { status: 503, log: /"code":"OUTCOME_CPU/ },
  raises: { status: 500, log: /isolation\.ru:\d+:.*boom \(RuntimeError\)/ },
  output: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  spawn: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  socket: { status: 500, log: /cannot load such file -- socket/ },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  await expectOneBreaks(await start('isolation.ru'), BREAKING)
})

test.skipIf(!haveSinatra())('Sinatra, from files of Debian', async () => {
  const { client, serving } = await start('shop.ru', '', mountGems)
  const page = await client.get('page')
  expect(page, serving.log()).toMatchObject({ status: 200 })
  expect(page.body).toContain('<li>59</li></ul>')
  expect(await client.get('', 'name=you')).toEqual({ status: 200, body: 'Hello you' })
  expect(await client.get('to')).toMatchObject({ status: 302 })
  expect(await client.get('stream')).toEqual({ status: 200, body: 'part 0\npart 1\npart 2\n' })
  expect(await client.get('nowhere')).toMatchObject({ status: 404 })
  expect(await client.get('fail')).toMatchObject({ status: 500 })
  await serving.logged(/boom/)
  client.close()
})
