/** mail() of PHP, with a mail server that nobody here wrote: python3-aiosmtpd, which writes down who was to get what. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AtEnd, Client, configText, makeFolder, serve } from '../integration/master/serve.ts'
import { Child, freePort } from '../support/peers/child.ts'
import { havePhpRuntime, PHP_RUNTIME } from '../support/php-runtime.ts'

const PYTHON = '/usr/bin/python3'
const AIOSMTPD = '/usr/lib/python3/dist-packages/aiosmtpd'

const SCRIPT = `<?php
ini_set('display_errors', '1');
ini_set('html_errors', '0');
$mail = json_decode(file_get_contents('php://input'), true);
foreach ($mail['ini'] ?? [] as $name => $value) ini_set($name, $value);
echo json_encode(mail($mail['to'], $mail['subject'] ?? 'a subject', str_repeat($mail['text'] ?? 'text', $mail['times'] ?? 1), $mail['headers'] ?? '', $mail['options'] ?? ''));
`

interface Mail {
  readonly to: string
  readonly subject?: string
  readonly text?: string
  /** The text so many times over. */
  readonly times?: number
  readonly headers?: string
  readonly options?: string
  readonly ini?: Readonly<Record<string, string>>
}

const FROM = 'From: Shop <shop@site.example>'

const SENT: readonly (Mail & {
  readonly what: string
  readonly from: string
  readonly recipients: readonly string[]
  readonly wire?: RegExp
})[] = [
  {
    ...{ what: 'one recipient', to: 'jo@peer.example', headers: FROM },
    ...{ from: 'shop@site.example', recipients: ['jo@peer.example'] },
    wire: /^To: jo@peer\.example\nSubject: a subject\n[\s\S]*From: Shop <shop@site\.example>\n[\s\S]*\n\ntext\n/m,
  },
  {
    what: 'names, comments, quotes, groups',
    to: '"Doe, Jo" <jo@peer.example> (home), friends: al@peer.example, "x y"@peer.example;',
    headers: FROM,
    from: 'shop@site.example',
    recipients: ['jo@peer.example', 'al@peer.example', '"x y"@peer.example'],
  },
  {
    what: 'copies, seen and unseen, over several lines',
    to: 'jo@peer.example',
    headers: `Cc: al@peer.example,\r\n bo@peer.example\r\nBcc: secret@peer.example,\r\n too@peer.example\r\n${FROM}`,
    from: 'shop@site.example',
    recipients: [
      ...['jo@peer.example', 'al@peer.example', 'bo@peer.example'],
      ...['secret@peer.example', 'too@peer.example'],
    ],
    wire: /^(?![\s\S]*Bcc)[\s\S]*Cc: al@peer\.example,\n bo@peer\.example\n/,
  },
  {
    ...{ what: 'the option -f', to: 'jo@peer.example', headers: FROM },
    ...{ options: '-fbounces@site.example', recipients: ['jo@peer.example'] },
    from: 'bounces@site.example',
  },
  {
    ...{ what: 'no From', to: 'jo@peer.example', ini: { sendmail_from: 'set@site.example' } },
    ...{ from: 'set@site.example', recipients: ['jo@peer.example'] },
    wire: /^From: set@site\.example\n/m,
  },
  {
    // Whoever takes a lone CR for the end of a line reads a line with a dot, and another mail.
    what: 'dots, and all kinds of ends of lines',
    to: 'jo@peer.example',
    text: '.\r\n..two\r.\rMAIL FROM:<evil@site.example>\n.end',
    headers: FROM,
    from: 'shop@site.example',
    recipients: ['jo@peer.example'],
    wire: /\n\n\.\n\.\.two\n\.\nMAIL FROM:<evil@site\.example>\n\.end\n/,
  },
  {
    ...{ what: 'a large text', to: 'jo@peer.example', text: 'a long line\n'.repeat(5_000) },
    ...{ headers: FROM, from: 'shop@site.example', recipients: ['jo@peer.example'] },
  },
]

const REFUSED: readonly (Mail & { readonly what: string; readonly warning: RegExp })[] = [
  { what: 'no sender', to: 'jo@peer.example', warning: /"sendmail_from" not set in php\.ini/ },
  { what: 'nobody to get it', to: ' ', headers: FROM, warning: /nobody is to get it/ },
  {
    ...{ what: 'an address that is none', to: 'jo peer <>, <a b>', headers: FROM },
    warning: /an address is none/,
  },
  {
    ...{ what: 'too many', to: 'a@b.example, '.repeat(200), headers: FROM },
    warning: /too many recipients/,
  },
  {
    ...{ what: 'more than there is memory', to: 'jo@peer.example', headers: FROM },
    ...{
      text: 'a line of sixteen',
      times: 3_000_000,
      warning: /Allowed memory size of \d+ bytes exhausted/,
    },
  },
  {
    ...{ what: 'a port that is not allowed', to: 'jo@peer.example', headers: FROM },
    ini: { smtp_port: '1' },
    warning: /Failed to connect to mailserver at "127\.0\.0\.1" port 1, verify your "SMTP"/,
  },
]

const isReady = (): boolean => havePhpRuntime(existsSync(AIOSMTPD) ? [] : ['python3-aiosmtpd'])

describe.skipIf(!isReady())('mail()', () => {
  const ends: Parameters<AtEnd>[0][] = []
  let client: Client
  let inbox: string
  beforeAll(async () => {
    const atEnd: AtEnd = (end) => ends.push(end)
    const folder = makeFolder(atEnd)
    const port = await freePort()
    inbox = join(folder, 'inbox')
    writeFileSync(join(folder, 'mail.php'), SCRIPT)
    const args = ['-m', 'aiosmtpd', '-n', '-l', `127.0.0.1:${port}`]
    const server = new Child(PYTHON, [...args, '-c', 'aiosmtpd.handlers.Mailbox', inbox], {
      directory: folder,
    })
    atEnd(() => server.stop())
    await server.accepting({ host: '127.0.0.1', tcpPort: port })
    const serving = await serve({
      ...{ folder, atEnd },
      config: configText(folder, {
        top: `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n`,
        tenant: `runtimes = ["php"]\nenv = { PHP_VALUE = "SMTP=127.0.0.1\\nsmtp_port=${port}" }\n[[tenant.outbound]]\nhost = "127.0.0.1"\nports = [${port}]\nprotocol = "tcp"`,
      }),
    })
    client = new Client(serving.socket)
  })
  afterAll(async () => {
    client?.close()
    for (const end of ends.toReversed()) await end()
  })

  const send = async (mail: Mail): Promise<string> =>
    (await client.post('mail.php', JSON.stringify(mail))).body

  /** The newest one. */
  const received = (): string => {
    const folder = join(inbox, 'new')
    const paths = readdirSync(folder).map((name) => join(folder, name))
    const [newest = ''] = paths.toSorted(
      (one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs,
    )
    return readFileSync(newest, 'latin1')
  }

  test.each(SENT)('$what', async ({ from, recipients, wire = /^/, what, ...mail }) => {
    expect(await send(mail)).toBe('true')
    const text = received()
    expect(/^X-MailFrom: (.*)$/m.exec(text)?.[1]).toBe(from)
    expect(/^X-RcptTo: (.*(?:\n .*)*)$/m.exec(text)?.[1]?.split(/,\s+/)).toEqual(recipients)
    expect(text).toMatch(wire)
    expect(text).toMatch(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$/m)
    expect(text).toMatch(/^Message-ID: <[0-9a-f]{32}@site\.example>$/m)
    if (mail.text !== undefined && what.startsWith('a large')) {
      expect(text.slice(text.indexOf('\n\n') + 2)).toBe(`${mail.text}\n`)
    }
  })

  test.each(REFUSED)('$what: not sent, and said why', async ({ warning, what, ...mail }) => {
    const before = readdirSync(join(inbox, 'new')).length
    const answer = await send(mail)
    expect(answer, what).toMatch(warning)
    expect(answer).toMatch(/false$|^\nFatal error: /)
    expect(readdirSync(join(inbox, 'new'))).toHaveLength(before)
  })
})
