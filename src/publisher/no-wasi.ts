/**
 * What wasm-tools is given of WASI: nothing. jco's own host of it opens files and starts a thread, which this process may not; this one is
 * in its place (wasm-tools.ts), under the names by which jco asks for its parts.
 */

class Nothing {}

/** Where a panic says why, before it traps. */
class Complaints {
  static text = ''
  checkWrite(): bigint {
    return MAX_COMPLAINT_BYTES
  }
  write(bytes: Uint8Array): void {
    const text = Complaints.text + Buffer.from(bytes).toString('utf8')
    Complaints.text = text.slice(0, Number(MAX_COMPLAINT_BYTES))
  }
  blockingWriteAndFlush(bytes: Uint8Array): void {
    this.write(bytes)
  }
  blockingFlush(): void {}
}

const MAX_COMPLAINT_BYTES = 4096n

/** What has been written to standard error and to standard output. */
export function complaints(): string {
  return Complaints.text
}

// Nobody but jco imports these.
export {
  environment,
  error,
  exit,
  preopens,
  random,
  stderr,
  stdin,
  stdout,
  streams,
  terminalInput,
  terminalOutput,
  terminalStderr,
  terminalStdin,
  terminalStdout,
  types,
}

const environment = { getEnvironment: () => [] }
const exit = {
  exit: () => {
    throw new Error('exit')
  },
}
const stdin = { getStdin: () => new Nothing() }
const stdout = { getStdout: () => new Complaints() }
const stderr = { getStderr: () => new Complaints() }
const terminalInput = { TerminalInput: Nothing }
const terminalOutput = { TerminalOutput: Nothing }
const terminalStdin = { getTerminalStdin: () => undefined }
const terminalStdout = { getTerminalStdout: () => undefined }
const terminalStderr = { getTerminalStderr: () => undefined }
const preopens = { getDirectories: () => [] }
const types = {
  Descriptor: Nothing,
  DirectoryEntryStream: Nothing,
  filesystemErrorCode: () => undefined,
}
const error = { Error: Nothing }
const streams = { InputStream: Nothing, OutputStream: Complaints }
/** For its hash tables. */
const random = {
  getRandomBytes: (length: bigint) => crypto.getRandomValues(new Uint8Array(Number(length))),
}
