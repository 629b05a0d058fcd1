/** Which bytes the token's hash was made of: the file without the token, or that with minimal section lengths. */
export type HashForm = 'raw' | 'canonical';

/** What a signed module says of itself, once its signature and its hash have been checked. */
export interface ModuleClaims {
  /** Account key `A…` that signed. Whether it is trusted is another question: `requireIssuer`. */
  readonly issuer: string;
  /** The module's own key `M…`: its identity over all its versions. */
  readonly subject: string;
  /** Empty when the token has none. */
  readonly name: string;
  /** Capability ids asked for, without empty and repeated ones. */
  readonly caps: readonly string[];
  readonly tags: readonly string[];
  /** Grows with every release: decides which module is newer. */
  readonly rev: number | undefined;
  /** For people. */
  readonly ver: string | undefined;
  readonly callAlias: string | undefined;
  /** The module says that it is a capability provider itself. */
  readonly provider: boolean;
  /** Id of this token. */
  readonly id: string | undefined;
  /** Unix seconds. */
  readonly issuedAt: number;
  /** Unix seconds; in that second itself the token is still valid. */
  readonly expires: number | undefined;
  /** Unix seconds; in that second itself the token is already valid. */
  readonly notBefore: number | undefined;
  /** `wascap_revision`; tokens of waSCC's time have none. */
  readonly wascapRevision: number | undefined;
  readonly hashForm: HashForm;
}
