/** Who we are to a registry. */
export interface Credentials {
  readonly username: string
  readonly password: string
}
