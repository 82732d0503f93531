// A handler with the web's own interfaces: `fetch` events, Request and Response. Built by `jco componentize`.

let requests = 0

addEventListener('fetch', (event) => event.respondWith(answer(event.request)))

async function answer(request) {
  requests += 1
  const { pathname, searchParams } = new URL(request.url)
  switch (searchParams.get('do')) {
    case 'echo':
      return new Response(await request.text(), { headers: { 'x-count': String(requests) } })
    case 'json': {
      const { name } = await request.json()
      return Response.json({ hello: name, requests }, { status: 201 })
    }
    case 'stream':
      return new Response(parts(Number(searchParams.get('parts'))))
    case 'loop':
      for (;;);
    case 'throw':
      throw new Error('thrown by the handler')
    case 'fetch':
      return ask(request, searchParams.get('to'))
    default: {
      // biome-ignore lint/suspicious/noConsole: where it goes is part of the test
      console.log('printed')
      const agent = request.headers.get('user-agent')
      const random = crypto.randomUUID()
      return Response.json({ method: request.method, pathname, agent, requests, random })
    }
  }
}

/** Sends the request to another server, and passes its answer on as it comes. */
async function ask({ method, headers, body }, to) {
  const named = headers.get('x-as')
  const options = body === null ? {} : { body, duplex: 'half' }
  return fetch(to, {
    method: named ?? method,
    headers: { 'x-own': 'from the handler' },
    ...options,
  }).then(
    (response) =>
      new Response(response.body, { status: response.status, headers: response.headers }),
    (error) => new Response(`denied: ${error.message}`, { status: 403 }),
  )
}

function parts(count) {
  let left = count
  return new ReadableStream({
    pull(controller) {
      if (left === 0) controller.close()
      else {
        left -= 1
        controller.enqueue(new Uint8Array(4096).fill(97))
      }
    },
  })
}
