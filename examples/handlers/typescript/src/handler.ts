// The handler of ../../README.md in TypeScript, by the interfaces of wasi:http themselves.
import {
  Fields,
  type IncomingBody,
  type IncomingRequest,
  OutgoingBody,
  OutgoingResponse,
  ResponseOutparam,
} from 'wasi:http/types@0.2.10'

/** Most that a greeting's body may have, in bytes. */
const BODY_BYTES = 65536

/** Most that is read at once, and that one write may have. */
const READ_BYTES = 65536n
const WRITE_BYTES = 4096

interface Answer {
  readonly status: number
  readonly type: string
  readonly cookie?: string
  readonly body: Iterable<Uint8Array>
}

type Handle = (request: IncomingRequest) => Answer

const ROUTES: Readonly<Record<string, Readonly<Record<string, Handle>>>> = {
  '/greeting': { get: greeting, post: remember },
  '/upload': { post: upload },
  '/stream': { post: stream },
}

export const incomingHandler = {
  handle(request: IncomingRequest, out: ResponseOutparam): void {
    const { status, type, cookie, body } = answer(request)
    const fields: Array<[string, Uint8Array]> = [['content-type', encode(type)]]
    if (cookie !== undefined) fields.push(['set-cookie', encode(cookie)])
    const response = new OutgoingResponse(Fields.fromList(fields))
    response.setStatusCode(status)
    const sent = response.body()
    ResponseOutparam.set(out, { tag: 'ok', val: response })
    const output = sent.write()
    for (const chunk of body)
      for (let at = 0; at < chunk.length; at += WRITE_BYTES)
        output.blockingWriteAndFlush(chunk.subarray(at, at + WRITE_BYTES))
    output[Symbol.dispose]()
    OutgoingBody.finish(sent, undefined)
  },
}

/** The last part of the path says what is wanted, wherever the handler is. */
function answer(request: IncomingRequest): Answer {
  const [path = ''] = (request.pathWithQuery() ?? '').split('?')
  const name = path.slice(path.lastIndexOf('/'))
  const route = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined
  if (route === undefined) return refuse(404, 'no such route')
  const handle = route[request.method().tag]
  return handle === undefined ? refuse(405, 'no such method') : handle(request)
}

function greeting(request: IncomingRequest): Answer {
  const cookies = fieldOf(request, 'cookie').split(/; */)
  const found = cookies.find((cookie) => cookie.startsWith('name='))
  return json({ hello: found ? decodeURIComponent(found.slice(5)) : 'stranger' })
}

function remember(request: IncomingRequest): Answer {
  const type = fieldOf(request, 'content-type')
  const isJson = type.startsWith('application/json')
  if (!isJson && !type.startsWith('application/x-www-form-urlencoded'))
    return refuse(415, 'wanted JSON or a form')
  const decoder = new TextDecoder()
  let [text, bytes] = ['', 0]
  for (const chunk of chunksOf(request)) {
    bytes += chunk.length
    if (bytes > BODY_BYTES) return refuse(413, 'too long')
    text += decoder.decode(chunk, { stream: true })
  }
  text += decoder.decode()
  const name = isJson ? nameOf(text) : new URLSearchParams(text).get('name')
  if (typeof name !== 'string') return refuse(400, 'wanted a name')
  const cookie = `name=${encodeURIComponent(name)}; Path=/; HttpOnly; SameSite=Lax`
  return { ...json({ hello: name }), cookie }
}

function nameOf(text: string): unknown {
  try {
    return JSON.parse(text)?.name
  } catch {
    return undefined
  }
}

function upload(request: IncomingRequest): Answer {
  let bytes = 0
  let sum = 2166136261
  for (const chunk of chunksOf(request)) {
    bytes += chunk.length
    for (const byte of chunk) sum = Math.imul(sum ^ byte, 16777619)
  }
  return json({ bytes, fnv1a: (sum >>> 0).toString(16).padStart(8, '0') })
}

/** Each piece goes out when it has come. */
function stream(request: IncomingRequest): Answer {
  const capitals = chunksOf(request).map((chunk) =>
    chunk.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte)),
  )
  return { status: 200, type: 'text/plain', body: capitals }
}

function* chunksOf(request: IncomingRequest): Generator<Uint8Array, void> {
  const body: IncomingBody = request.consume()
  const input = body.stream()
  for (;;) {
    let chunk: Uint8Array
    try {
      chunk = input.blockingRead(READ_BYTES)
    } catch {
      return // its end
    }
    yield chunk
  }
}

function fieldOf(request: IncomingRequest, name: string): string {
  const values = request.headers().get(name)
  return values.map((value) => new TextDecoder().decode(value)).join('; ')
}

function json(value: unknown): Answer {
  return { status: 200, type: 'application/json', body: [encode(JSON.stringify(value))] }
}

function refuse(status: number, error: string): Answer {
  return { ...json({ error }), status }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
