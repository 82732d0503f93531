/** A Rack application and the requests it answers: nothing is left of one for the next, nothing random repeats, and what breaks is one request. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { haveRuntime, runtimePath } from '../../support/have-runtime.ts'
import { haveSinatra, mountGems } from '../../support/sinatra.ts'
import {
  type Breaking,
  expectNothingRepeats,
  expectOneBreaks,
  type LanguageSite,
  startSite,
} from './language-site.ts'

const REQUESTS = 300
const DRAWN = ['random', 'shuffled', 'own', 'hex', 'uuid', 'urandom']
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

test.skipIf(!has)('nothing is left of a request, and nothing that is drawn repeats', async () => {
  const site = await start('isolation.ru', 'warm = ["/drawn"]')
  const { client, folder, serving } = site
  for (let count = 0; count < 5; count += 1) {
    const { body, status } = await client.get('left')
    expect(status, serving.log()).toBe(200)
    expect(JSON.parse(body)).toEqual({
      ...{ seen: 0, global: false, constant: false, method: false, environment: false },
      ...{ path: false, cwd: folder, local: false, file: false, query: false },
      ...{ variable: false, frozen: false },
    })
  }
  await expectNothingRepeats(site, DRAWN, REQUESTS)
  client.close()
  expect(readFileSync(join(folder, 'data/log.txt'), 'utf8')).toBe(`loaded\n${'asked\n'.repeat(5)}`)
  expect(serving.log()).not.toContain('at exit')
})

const BREAKING: Breaking = {
  loop: { status: 503, log: /"code":"OUTCOME_CPU/ },
  fiber: { status: 503, log: /"code":"OUTCOME_CPU/ },
  memory: { status: 500, log: /NoMemoryError/ },
  recursion: { status: 500, log: /SystemStackError|OUTCOME_STACK_OVERFLOW/ },
  regexp: { status: 503, log: /"code":"OUTCOME_CPU/ },
  raises: { status: 500, log: /isolation\.ru:\d+:.*boom \(RuntimeError\)/ },
  exit: { status: 500, log: /SystemExit/ },
  missing: { status: 500, log: /cannot load such file -- not_there \(LoadError\)/ },
  thread: { status: 500, log: /can't create Thread|NotImplementedError/ },
  fork: { status: 500, log: /fork\(\) function is unimplemented|NotImplementedError/ },
  system: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  output: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  spawn: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  popen: { status: 500, log: /there are no processes here \(NotImplementedError\)/ },
  socket: { status: 500, log: /cannot load such file -- socket/ },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  const site = await start('isolation.ru')
  await expectOneBreaks(site, BREAKING)
  site.client.close()
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
