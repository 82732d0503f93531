/** Management records (FastCGI 1.0, section 4): what a peer may ask of the application itself. */
import { RecordType } from './constants.ts'
import { GatheredBytes } from './gathered-bytes.ts'
import type { Sender } from './output-queue.ts'
import { encodeParams, type Pairs, readParams } from './params.ts'
import { RecordWriter } from './record-writer.ts'

/** What FCGI_GET_VALUES is answered with, as of now. */
export interface ConnectionValues {
  /** Connections the application accepts at once. */
  readonly maxConns: number
  /** Requests it serves at once. */
  readonly maxReqs: number
}

/** The same, and what the connection knows itself. */
export interface KnownValues extends ConnectionValues {
  readonly multiplex: boolean
}

/** One record of names: its 65,535 bytes are limit enough. */
const NAME_LIMITS = { paramsPairs: 65_535, paramNameBytes: 65_535 }
const UNKNOWN_TYPE_BODY_BYTES = 8

/** What the peer asks in management records, and the answers in that order. */
export class ManagementReplies implements Sender {
  readonly records = new RecordWriter(0)
  readonly streamTypes = [RecordType.GetValuesResult, RecordType.UnknownType] as const
  countedBytes = 0
  /** The content of a GET_VALUES that is being read. */
  readonly query = new GatheredBytes()
  /** Content bytes of answers the peer has not taken. */
  heldBytes = 0

  /** Answers the GET_VALUES in `query`: only names that were asked for and are known, each once. */
  addValues({ maxConns, maxReqs, multiplex }: KnownValues): void {
    const asked = new Set(readParams(this.query.view(), NAME_LIMITS).params.names)
    this.query.clear()
    const known: Pairs = [
      ['FCGI_MAX_CONNS', String(maxConns)],
      ['FCGI_MAX_REQS', String(maxReqs)],
      ['FCGI_MPXS_CONNS', multiplex ? '1' : '0'],
    ]
    this.#add(RecordType.GetValuesResult, encodeParams(known.filter(([name]) => asked.has(name))))
  }

  /** Answers a management record nobody knows. */
  addUnknownType(type: number): void {
    const body = new Uint8Array(UNKNOWN_TYPE_BODY_BYTES)
    body[0] = type
    this.#add(RecordType.UnknownType, body)
  }

  contentWritten(values: number, unknownTypes: number): void {
    this.heldBytes -= values + unknownTypes
  }

  #add(type: number, content: Uint8Array): void {
    this.heldBytes += content.length
    this.records.appendRecord(type, content)
  }
}
