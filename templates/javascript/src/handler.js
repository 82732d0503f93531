addEventListener('fetch', (event) => event.respondWith(answer(event.request)))

async function answer(request) {
  const { pathname, search } = new URL(request.url)
  const body = await request.arrayBuffer()
  const lines = [
    'Hello from {{name}}!',
    `${request.method} ${pathname}`,
    `query: ${search.slice(1)}`,
    `body: ${body.byteLength} bytes`,
  ]
  return new Response(`${lines.join('\n')}\n`, {
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  })
}
