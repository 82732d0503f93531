/** The records of one answer to request 1, as the floors send them: FCGI_STDOUT, its end, FCGI_END_REQUEST. */
const BODY = Buffer.from('Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from the floor\n')
const PADDING = -BODY.length & 7

export const HELLO_ANSWER: Buffer = Buffer.concat([
  Buffer.from([1, 6, 0, 1, 0, BODY.length, PADDING, 0]),
  BODY,
  Buffer.alloc(PADDING),
  Buffer.from([1, 6, 0, 1, 0, 0, 0, 0]),
  Buffer.from([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
])
