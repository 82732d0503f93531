/** A FastCGI request as the application sees it: what the connection hands over when PARAMS has ended. */
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import type { NameValues } from '../base/name-values.ts'
import type { Traffic } from '../base/traffic.ts'
import type { ProtocolStatus, Role } from './constants.ts'

export interface FastCgiRequest {
  /** 1..65,535; unique among the active requests of its connection only. */
  readonly id: number
  readonly role: Role
  /** Whether the peer wants the connection kept after this request (FCGI_KEEP_CONN). */
  readonly keepConnection: boolean
  /** Name-value pairs in wire order, duplicates included. */
  readonly params: NameValues
  /** FCGI_STDIN. Ends at its empty record. */
  readonly stdin: ByteSource
  /** FCGI_DATA: the file of a Filter request; ended from the start in the other roles. */
  readonly data: ByteSource
  /** FCGI_STDOUT. */
  readonly stdout: ByteSink
  /** FCGI_STDERR. */
  readonly stderr: ByteSink
  /** From here on it counts there, with what has come so far. Once. */
  countIn(traffic: Traffic): void
  /**
   * Ends the request: closes the open streams with their empty records and sends FCGI_END_REQUEST behind all output
   * still queued. Idempotent.
   */
  end(protocolStatus: ProtocolStatus, appStatus: number): void
  /** Breaks the answer off so that the peer notices, as far as that is possible (a failure after the header was sent). Ends the request. */
  breakOff(appStatus: number): void
  /** Calls back once when the peer has given up (FCGI_ABORT_REQUEST or the connection closed) before `end`. */
  onAbort(callback: () => void): void
}
