/** The request that a test is: as its sections say, of a script of the same name. */
import { dirname, relative } from 'node:path'
import { deflateSync, gzipSync } from 'node:zlib'
import type { KeptQuestion } from '../fastcgi/kept-client.ts'
import type { Sections } from './test-file.ts'

const FORM = 'application/x-www-form-urlencoded'

export interface Place {
  /** The document root. */
  readonly root: string
  readonly script: string
}

/** The script by itself: what a test's SKIPIF and CLEAN are. */
export function plainQuestion({ root, script }: Place): KeptQuestion {
  return questionOf(new Map(), { root, script })
}

export function questionOf(sections: Sections, { root, script }: Place): KeptQuestion {
  const name = `/${relative(root, script)}`
  const query = (sections.get('GET') ?? '').trim()
  const { method, type, encoding, body } = bodyOf(sections)
  const cookie = sections.get('COOKIE')?.trim()
  const params = {
    SERVER_SOFTWARE: 'test',
    SERVER_PROTOCOL: 'HTTP/1.1',
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_NAME: 'localhost',
    DOCUMENT_ROOT: root,
    SCRIPT_NAME: name,
    REQUEST_URI: query === '' ? name : `${name}?${query}`,
    QUERY_STRING: query,
    REQUEST_METHOD: method,
    CONTENT_TYPE: type,
    CONTENT_LENGTH: body.length === 0 ? '' : String(body.length),
    REDIRECT_STATUS: '1',
    ...(cookie === undefined ? {} : { HTTP_COOKIE: cookie }),
    ...(encoding === undefined ? {} : { HTTP_CONTENT_ENCODING: encoding }),
    ...variablesOf(sections, dirname(script)),
    PHP_VALUE: settingsOf(sections, dirname(script)),
    SCRIPT_FILENAME: script,
  }
  return { params: Object.entries(params), body }
}

interface Body {
  readonly method: string
  readonly type: string
  readonly encoding?: string
  readonly body: Buffer
}

function bodyOf(sections: Sections): Body {
  const text = (name: string): Buffer | undefined => {
    const section = sections.get(name)?.trim()
    return section === undefined || section === '' ? undefined : Buffer.from(section, 'latin1')
  }
  for (const [name, method] of [
    ['POST_RAW', 'POST'],
    ['PUT', 'PUT'],
  ] as const) {
    const raw = text(name)?.toString('latin1')
    if (raw === undefined) continue
    const type = /^Content-Type:(.*)\r?\n/im.exec(raw)
    const body = type === null ? raw : raw.replace(type[0], '')
    return { method, type: type?.[1]?.trim() ?? '', body: Buffer.from(body, 'latin1') }
  }
  const post = text('POST')
  if (post !== undefined) return { method: 'POST', type: FORM, body: post }
  const zipped = text('GZIP_POST')
  if (zipped !== undefined)
    return { method: 'POST', type: FORM, encoding: 'gzip', body: gzipSync(zipped) }
  const deflated = text('DEFLATE_POST')
  if (deflated !== undefined)
    return { method: 'POST', type: FORM, encoding: 'deflate', body: deflateSync(deflated) }
  return { method: 'GET', type: '', body: Buffer.alloc(0) }
}

function variablesOf(sections: Sections, folder: string): Readonly<Record<string, string>> {
  const lines = (sections.get('ENV') ?? '').replaceAll('{PWD}', folder).split('\n')
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [name = '', ...value] = line.trim().split('=')
      return name === '' || value.length === 0 ? [] : [[name, value.join('=')]]
    }),
  )
}

/** One a line, as they stand in a php.ini. */
function settingsOf(sections: Sections, folder: string): string {
  return (sections.get('INI') ?? '')
    .replaceAll('{PWD}', folder)
    .replaceAll('{TMP}', '/tmp')
    .split(/[\r\n]+/)
    .flatMap((line) => {
      const [name = '', ...rest] = line.split('=')
      if (rest.length === 0) return []
      const value = rest.join('=').trim()
      // As the command line does with -d.
      const isBare = value === '' || /^[a-zA-Z0-9"']/.test(value)
      return [`${name.trim()}=${isBare ? value : `"${value}"`}`]
    })
    .join('\n')
}
