/** What the requests of a tenant have moved in this worker, without the frames of the protocol. Only grows; kept across reloads. */
export interface Traffic {
  /** Content of PARAMS, STDIN and DATA, as it comes: also what no guest reads, and of requests that are given up. */
  receivedBytes: number
  /** Content of STDOUT that sockets have taken. */
  sentBytes: number
}
