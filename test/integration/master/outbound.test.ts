/** Guests of real workers, under Node's permission model, connect by TCP, TLS and unix sockets. */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { echoPath, makeCertificate, startPeer } from '../../support/outbound-peer.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

test('a worker connects to what its tenant may connect to', async () => {
  const folder = makeFolder()
  const tls = makeCertificate(folder)
  const path = join(folder, 'peer.sock')
  const [plain, secure, local] = await Promise.all([
    startPeer(echoPath),
    startPeer(echoPath, { tls }),
    startPeer(echoPath, { path }),
  ])
  onTestFinished(() => {
    for (const peer of [plain, secure, local]) peer.close()
  })
  copyFileSync('build/guests/c/outbound.wasm', join(folder, 'outbound.wasm'))
  const tenant = `outbound = [
    { host = "127.0.0.1", ports = [${plain.port}] },
    { host = "localhost", ports = [${secure.port}], protocol = "tls", private = true, ca = "${tls.caFile}" },
    { name = "peer", unix = "${path}" },
  ]
  pm_status_path = "/status"`
  const serving = await serve({
    folder,
    config: configText(folder, { tenant, pool: 'workers = 1' }),
  })
  const client = new Client(serving.socket)
  const places = [`tcp/127.0.0.1/${plain.port}`, `tls/localhost/${secure.port}`, 'unix/peer']
  for (const place of places) {
    const { body } = await client.get('outbound.wasm', `do=get&send=x&path=/dev/${place}`)
    expect([place, body]).toEqual([place, 'HTTP/1.0 200 OK\r\n\r\nyou asked for /x\n'])
  }
  const refused = await client.get('outbound.wasm', 'path=/dev/tcp/db.example/3306')
  expect(refused.body).toBe('open: Permission denied\n')
  await serving.logged(/"code":"OUTBOUND_NOT_ALLOWED","to":"tcp:\/\/db.example:3306"/)
  const { body } = await client.get('status', 'openmetrics')
  const metrics = body.split('\n').filter((line) => line.startsWith('wasm_fpm_outbound'))
  const labels = 'tenant="site",pool="www"'
  expect(metrics).toEqual([
    `wasm_fpm_outbound_open{${labels}} 0`,
    `wasm_fpm_outbound_connections_total{${labels}} 3`,
    `wasm_fpm_outbound_sent_bytes_total{${labels}} 93`,
    `wasm_fpm_outbound_received_bytes_total{${labels}} 108`,
    `wasm_fpm_outbound_failures_total{${labels},kind="not-allowed"} 1`,
  ])
  client.close()
})
