/** The smallest CGI program: a fixed answer. */
import { write } from './lib/cgi'

write('Content-Type: text/plain; charset=utf-8\r\n\r\nHello from AssemblyScript\n')
