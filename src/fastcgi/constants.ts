/** Numbers of the FastCGI Specification 1.0, section 8. */

export const VERSION = 1
export const HEADER_BYTES = 8

export const RecordType = {
  BeginRequest: 1,
  AbortRequest: 2,
  EndRequest: 3,
  Params: 4,
  Stdin: 5,
  Stdout: 6,
  Stderr: 7,
  Data: 8,
  GetValues: 9,
  GetValuesResult: 10,
  UnknownType: 11,
} as const
export type RecordType = (typeof RecordType)[keyof typeof RecordType]

export const Role = { Responder: 1, Authorizer: 2, Filter: 3 } as const
export type Role = (typeof Role)[keyof typeof Role]

/** Bit of FCGI_BEGIN_REQUEST flags: the application leaves the connection open after the request. */
export const KEEP_CONN = 1

export const ProtocolStatus = {
  RequestComplete: 0,
  CantMpxConn: 1,
  Overloaded: 2,
  UnknownRole: 3,
} as const
export type ProtocolStatus = (typeof ProtocolStatus)[keyof typeof ProtocolStatus]
