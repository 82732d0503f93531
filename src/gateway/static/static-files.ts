/**
 * Static files of a release: answered from its image, without a guest (RFC 9110: entity tags, conditions, ranges, compressed
 * forms that lie beside a file).
 *
 *     path -> static-index.ts -> static-response.ts -> send-response.ts -> CGI response
 *              what there is      what is answered      file-reader.ts
 */
import type { CgiRequest } from '../../cgi/environment.ts'
import type { ImageFile } from '../../store/release.ts'
import type { FileReader } from './file-reader.ts'
import { type StaticOutput, sendResponse } from './send-response.ts'
import { StaticIndex } from './static-index.ts'
import { type FilePart, makeResponse, pieceBytes } from './static-response.ts'

/** What a browser has is asked for anew every time, which costs little, and a switch is seen at once. */
const DEFAULT_CACHE_CONTROL = 'no-cache'

export interface StaticFilesOptions {
  /** Absolute: the image's folder. */
  readonly imageRoot: string
  /** Reads the image's listing, which decides what there is; called before the first answer. */
  readonly listing: () => Promise<readonly ImageFile[]>
  /** Below `imageRoot`, without slashes at its ends: what is served; undefined: all of it. */
  readonly folder: string | undefined
  /** The file that answers for its folder, such as `index.html`; undefined: folders do not answer. */
  readonly index: string | undefined
  /** The value of Cache-Control; undefined: `DEFAULT_CACHE_CONTROL`. */
  readonly cacheControl: string | undefined
  /** The worker's, shared by all. */
  readonly reader: FileReader
}

export interface StaticRequest {
  readonly cgi: CgiRequest
  /** What is left of the path behind the route: decoded, one char a byte; empty, or it starts with a slash. */
  readonly pathInfo: string
}

/** The files of one release that are answered directly. */
export class StaticFiles {
  readonly #options: StaticFilesOptions
  #index: StaticIndex | undefined

  /** Does no I/O. */
  constructor(options: StaticFilesOptions) {
    this.#options = options
  }

  /**
   * Writes the answer, a CGI response, to `output.sink`, without ending it; a path that has no file is answered 404. Resolves to
   * its status and the bytes of its body when all has been taken. Rejects with what `listing` rejects with, with
   * GATEWAY_FILE_UNREADABLE, before the first byte or after some, and with GATEWAY_CLIENT_GONE.
   */
  async answer(
    { cgi, pathInfo }: StaticRequest,
    output: StaticOutput,
  ): Promise<{ readonly status: number; readonly bytes: number }> {
    const { imageRoot, reader, cacheControl = DEFAULT_CACHE_CONTROL } = this.#options
    const index = this.#index ?? (await this.#open())
    const { status, head, pieces } = makeResponse(cgi, index.find(pathInfo), { cacheControl })
    const read = (part: FilePart) => reader.read(imageRoot, part)
    await sendResponse({ head, pieces, read }, output)
    return { status, bytes: pieces.reduce((sum, piece) => sum + pieceBytes(piece), 0) }
  }

  async #open(): Promise<StaticIndex> {
    const { listing, folder, index } = this.#options
    this.#index = new StaticIndex(await listing(), { folder, index })
    return this.#index
  }
}
