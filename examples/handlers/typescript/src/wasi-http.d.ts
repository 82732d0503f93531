/** What the handler uses of wasi:http and wasi:io. */
declare module 'wasi:http/types@0.2.10' {
  export class Fields {
    static fromList(entries: ReadonlyArray<readonly [string, Uint8Array]>): Fields
    get(name: string): Uint8Array[]
  }
  export class IncomingRequest {
    method(): { readonly tag: string }
    pathWithQuery(): string | undefined
    headers(): Fields
    consume(): IncomingBody
  }
  export class IncomingBody {
    stream(): InputStream
  }
  export class OutgoingResponse {
    constructor(fields: Fields)
    setStatusCode(status: number): void
    body(): OutgoingBody
  }
  export class OutgoingBody {
    static finish(body: OutgoingBody, trailers: Fields | undefined): void
    write(): OutputStream
  }
  export class ResponseOutparam {
    private constructor()
    static set(
      out: ResponseOutparam,
      response: { readonly tag: 'ok'; readonly val: OutgoingResponse },
    ): void
  }
  interface InputStream {
    /** Throws at the end of the stream. */
    blockingRead(bytes: bigint): Uint8Array
  }
  interface OutputStream {
    blockingWriteAndFlush(bytes: Uint8Array): void
    [Symbol.dispose](): void
  }
}
