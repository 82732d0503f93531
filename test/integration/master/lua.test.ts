/** A WSAPI application in Lua and the requests it answers: what only Lua has. See language-isolation.test.ts. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { haveRuntime, runtimePath } from '../../support/have-runtime.ts'
import { type Breaking, expectOneBreaks, type LanguageSite, startSite } from './language-site.ts'

const has = haveRuntime('Lua', runtimePath('lua'), [])

/** `tenant`: more of its lines. */
function start(app: string | undefined, tenant = ''): Promise<LanguageSite> {
  return startSite({
    ...{ name: 'lua', extension: '.lua', app },
    runtime: 'memory = "128MiB"',
    tenant: `limits = { cpu = "1s", wall = "10s" }\n${tenant}`,
  })
}

const BREAKING: Breaking = {
  coroutine: { status: 503, log: /"code":"OUTCOME_CPU/ },
  calls: { status: 500, log: /C stack overflow/ },
  thrown: { status: 500, log: /error object is a table value/ },
  native: { status: 500, log: /needs_native\.so is machine code, which this runtime cannot load/ },
  header: { status: 500, log: /a header's value is .*, wanted text without control characters/ },
  status: { status: 500, log: /the status is a nil, wanted a string/ },
  closed: { status: 500, log: /attempt to use a closed file/ },
  late: { log: /isolation\.lua:\d+: when a part is out/ },
}

test.skipIf(!has)('what breaks a request breaks that one', async () => {
  await expectOneBreaks(await start('isolation'), BREAKING)
})

test.skipIf(!has)('a file that changes is loaded anew, and one that is wrong says so', async () => {
  const { client, folder, serving } = await start('changing:run', 'revalidate = "0"')
  const write = (text: string): void => writeFileSync(join(folder, 'changing.lua'), text)
  const page = (text: string): string =>
    `return { run = function() return 200, {}, coroutine.wrap(function() coroutine.yield("${text}") end) end }`
  const until = async (wanted: string): Promise<void> => {
    for (let tries = 0; tries < 100; tries += 1) {
      if ((await client.get('')).body === wanted) return
      await new Promise((wake) => setTimeout(wake, 100))
    }
    throw new Error(`no ${wanted}: ${serving.log()}`)
  }
  expect((await client.get('')).status).toBe(500)
  await serving.logged(/GUEST_NO_APPLICATION.*module 'changing' not found/)
  write(page('first'))
  await until('first')
  write(page('second, and longer'))
  await until('second, and longer')
  write('return {')
  expect((await client.get('')).status).toBe(500)
  await serving.logged(/GUEST_NO_APPLICATION.*changing\.lua:1: unexpected symbol near <eof>/)
  client.close()
})

const SCRIPTS: Readonly<Record<string, string>> = {
  'cgi.lua':
    'print("Content-Type: text/plain\\n") print(require("beside").name, require("lfs").currentdir(), os.getenv "PATH_INFO") count = (count or 0) + 1 print(count) io.stderr:write "said\\n"',
  'wsapi.lua':
    'return function(env) local sent = { env.QUERY_STRING, " ", env.NOT_THERE, env.input:read() } return "404 Not Found", { ["Set-Cookie"] = { "a=1", "b=2" } }, coroutine.wrap(function() for _, part in ipairs(sent) do coroutine.yield(part) end end) end',
  'ends.lua': 'print("Status: 202 Accepted\\n") os.exit(0)',
  'fails.lua': 'local a = nil; print(a.b)',
}

test.skipIf(!has)('a script is a CGI program, or answers an application', async () => {
  const { client, folder, serving } = await start(undefined)
  mkdirSync(join(folder, 'cgi'))
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(folder, 'cgi', name), text)
  writeFileSync(join(folder, 'cgi/beside.lua'), 'return { name = "beside" }')
  for (let round = 0; round < 3; round += 1) {
    const more = { PATH_INFO: '/more' }
    expect(await client.get('cgi/cgi.lua', '', more), serving.log()).toEqual({
      ...{ status: 200, body: `beside\t${folder}/cgi\t/more\n1\n` },
    })
    const answer = { status: 404, body: 'asked ' }
    expect(await client.get('cgi/wsapi.lua', 'asked')).toEqual(answer)
    expect((await client.get('cgi/ends.lua')).status).toBe(202)
    expect((await client.get('cgi/fails.lua')).status).toBe(500)
  }
  await serving.logged(/"stream":"stderr","msg":"said"/)
  await serving.logged(/fails\.lua:1: attempt to index a nil value \(local 'a'\)/)
  client.close()
})
