/** Answers one request: CGI (RFC 3875) in, CGI out. */
import { readBody, variable, write } from './cgi'

const body = readBody()
const path = variable('SCRIPT_NAME') + variable('PATH_INFO')

write('Content-Type: text/plain; charset=utf-8\r\n\r\n')
write('Hello from {{name}}!\n')
write(`${variable('REQUEST_METHOD')} ${path}\n`)
write(`query: ${variable('QUERY_STRING')}\n`)
write(`body: ${body.byteLength.toString()} bytes\n`)
