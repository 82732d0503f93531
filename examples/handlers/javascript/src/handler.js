// The handler of ../../README.md in JavaScript: a `fetch` event.

/** Most that a greeting's body may have, in bytes. */
const BODY_BYTES = 65536

const ROUTES = new Map([
  ['/greeting', { GET: greeting, POST: remember }],
  ['/upload', { POST: upload }],
  ['/stream', { POST: stream }],
])

addEventListener('fetch', (event) => event.respondWith(answer(event.request)))

/** The last part of the path says what is wanted, wherever the handler is. */
async function answer(request) {
  const { pathname } = new URL(request.url)
  const route = ROUTES.get(pathname.slice(pathname.lastIndexOf('/')))
  if (route === undefined) return refuse(404, 'no such route')
  if (!Object.hasOwn(route, request.method)) return refuse(405, 'no such method')
  return route[request.method](request)
}

function greeting({ headers }) {
  const cookies = (headers.get('cookie') ?? '').split(/; */)
  const found = cookies.find((cookie) => cookie.startsWith('name='))
  return Response.json({ hello: found ? decodeURIComponent(found.slice(5)) : 'stranger' })
}

async function remember(request) {
  const type = request.headers.get('content-type') ?? ''
  const isJson = type.startsWith('application/json')
  if (!isJson && !type.startsWith('application/x-www-form-urlencoded'))
    return refuse(415, 'wanted JSON or a form')
  const body = await request.arrayBuffer()
  if (body.byteLength > BODY_BYTES) return refuse(413, 'too long')
  const text = new TextDecoder().decode(body)
  const name = isJson ? nameOf(text) : new URLSearchParams(text).get('name')
  if (typeof name !== 'string') return refuse(400, 'wanted a name')
  const cookie = `name=${encodeURIComponent(name)}; Path=/; HttpOnly; SameSite=Lax`
  return Response.json({ hello: name }, { headers: { 'set-cookie': cookie } })
}

function nameOf(json) {
  try {
    return JSON.parse(json)?.name
  } catch {
    return undefined
  }
}

async function upload({ body }) {
  let bytes = 0
  let sum = 2166136261
  for await (const chunk of chunksOf(body)) {
    bytes += chunk.length
    for (const byte of chunk) sum = Math.imul(sum ^ byte, 16777619)
  }
  return Response.json({ bytes, fnv1a: (sum >>> 0).toString(16).padStart(8, '0') })
}

/** Each piece goes out when it has come. */
function stream({ body }) {
  const chunks = chunksOf(body)
  const capitals = new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done) controller.close()
      else controller.enqueue(value.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte)))
    },
  })
  return new Response(capitals, { headers: { 'content-type': 'text/plain' } })
}

async function* chunksOf(body) {
  const reader = body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done) return
    yield value
  }
}

function refuse(status, error) {
  return Response.json({ error }, { status })
}
