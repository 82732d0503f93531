/** A machine that follows a web server with a certificate of an authority of our own, and with a password. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join, normalize, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { FolderExport } from '../../../src/follow/export-store.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { publish } from '../../../src/store/publication.ts'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'

/** Hands out a folder to whoever knows the password. Its certificate is for `localhost`. */
async function webServer(root: string, certificate: string) {
  const key = join(makeFolder(), 'key.pem')
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
    ],
    { stdio: 'pipe' },
  )
  const asked = new Set<string | undefined>()
  const server = createServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (request, response) => {
      const { authorization } = request.headers
      asked.add(authorization)
      const file = join(root, normalize(request.url ?? ''))
      const isIn = authorization === `Basic ${Buffer.from('fleet:canary-good').toString('base64')}`
      if (!isIn) response.writeHead(401).end()
      else if (existsSync(file)) response.end(readFileSync(file))
      else response.writeHead(404).end()
    },
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return { port: typeof address === 'object' ? address?.port : 0, asked }
}

test('who it is, is proved by a certificate that `ca` vouches for, and by no other', async () => {
  const [there, folder] = [join(makeFolder(), 'store'), makeFolder()]
  const origin = await DirectoryStore.make(there, { clock })
  const module = join(makeFolder(), 'app.wasm')
  copyFileSync(resolve('build/guests/as/hello.wasm'), module)
  const units = { size: parseSize, duration: parseDuration }
  await publish(module, { store: origin, tenant: 'site', route: '/app', units, clock })
  const copy = join(makeFolder(), 'copy')
  await (await FolderExport.open(there, copy, clock)).run()
  const certificate = join(folder, 'ca.pem')
  const { port, asked } = await webServer(copy, certificate)
  const secrets = join(folder, 'follow.env')
  writeFileSync(secrets, 'USERNAME=fleet\nPASSWORD=canary-wrong\n', { mode: 0o600 })
  const config = (host: string, more: string): string => {
    const source = `source = "https://${host}:${port}"\ninterval = "100ms"\nenv_file = "follow.env"`
    const top = `store = "${folder}/own"\n[follow]\n${source}\n${more}`
    return configText(folder, { top, pool: 'workers = 1' })
  }
  const serving = await serve({ folder, config: config('localhost', '') })
  await serving.logged(/FOLLOW_NO_SOURCE.*DEPTH_ZERO_SELF_SIGNED_CERT/)
  const then = async (text: string, pattern: RegExp): Promise<void> => {
    const from = serving.log().length
    serving.writeConfig(text)
    await serving.command('reload')
    await serving.logged(pattern, from)
  }
  await then(config('localhost', 'ca = "none.pem"'), /FOLLOW_BAD_CA.*none\.pem.*ENOENT/)
  writeFileSync(join(folder, 'none.pem'), 'no certificate')
  // It is tried again by itself.
  await serving.logged(/FOLLOW_BAD_CA.*none\.pem.*PEM/, serving.log().length)
  await then(config('127.0.0.1', 'ca = "ca.pem"'), /FOLLOW_NO_SOURCE.*ERR_TLS_CERT_ALTNAME_INVALID/)
  // Nobody was told anything before it was known who it is.
  expect([...asked]).toEqual([])
  await then(config('localhost', 'ca = "ca.pem"'), /FOLLOW_NO_SOURCE.*status 401/)
  writeFileSync(secrets, 'USERNAME=fleet\nPASSWORD=canary-good\n')
  await then(config('localhost', 'ca = "ca.pem"'), /"msg":"followed"/)
  const get = async (): Promise<string> => {
    const client = new Client(serving.socket)
    const { status, body } = await client.get('app')
    client.close()
    return `${status} ${body.slice(0, 5)}`
  }
  await expect.poll(get).toBe('200 Hello')
  const { stdout } = await serving.command('status')
  expect(`${serving.log()}${stdout}`).not.toContain('canary')
})
