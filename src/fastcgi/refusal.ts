/**
 * The connection's own answers to BEGIN_REQUEST.
 *
 * A bare END_REQUEST is a 502, an empty 200 or a hang, depending on the web server, so a refusal is a real CGI
 * response as well.
 */
import { ProtocolStatus, RecordType, type Role } from './constants.ts'
import type { Sender } from './output-queue.ts'
import { RecordWriter } from './record-writer.ts'
import { endBody } from './server-request.ts'

export type RefusalStatus = Exclude<ProtocolStatus, typeof ProtocolStatus.RequestComplete>

const UNAVAILABLE = cgiResponse(
  'Status: 503 Service Unavailable\r\nRetry-After: 1\r\n',
  'Service unavailable\n',
)
const NO_SUCH_ROLE = cgiResponse('Status: 501 Not Implemented\r\n', 'FastCGI role not supported\n')
const NONE = new Uint8Array(0)
const REFUSED = 1

export interface RefusalStart {
  readonly requestId: number
  readonly protocolStatus: RefusalStatus
  readonly onWritten: (contentBytes: number) => void
}

/** The whole answer to a request that is not begun. */
export class Refusal implements Sender {
  /** Of its STDOUT. */
  readonly contentBytes: number
  readonly records: RecordWriter
  readonly streamTypes = [RecordType.Stdout, RecordType.Stderr] as const
  countedBytes = 0
  readonly #onWritten: (contentBytes: number) => void

  /** `onWritten` is told what the peer has taken of the `contentBytes`. */
  constructor({ requestId, protocolStatus, onWritten }: RefusalStart) {
    this.#onWritten = onWritten
    this.records = new RecordWriter(requestId)
    const response = protocolStatus === ProtocolStatus.UnknownRole ? NO_SUCH_ROLE : UNAVAILABLE
    this.contentBytes = response.length
    this.records.appendRecord(RecordType.Stdout, response)
    this.records.appendRecord(RecordType.Stdout, NONE)
    this.records.appendRecord(RecordType.EndRequest, endBody(protocolStatus, REFUSED))
  }

  contentWritten(contentBytes: number): void {
    this.#onWritten(contentBytes)
  }
}

function cgiResponse(head: string, body: string): Uint8Array {
  return new TextEncoder().encode(
    `${head}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
}

/** Why a request of `role` (undefined: none that we know) gets no place on the connection. */
export function refusalStatus(
  role: Role | undefined,
  { multiplex }: { readonly multiplex: boolean },
): RefusalStatus {
  if (role === undefined) return ProtocolStatus.UnknownRole
  return multiplex ? ProtocolStatus.Overloaded : ProtocolStatus.CantMpxConn
}
