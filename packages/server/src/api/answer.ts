/** What an operation answers, before it is HTTP: the same for a first answer and for its repeat. */

export interface Answer {
  readonly status: number;
  /** Serialised, checked against the contract; empty with 204. */
  readonly body: string;
  /** `ETag` of the object, where it has versions. */
  readonly etag: string | undefined;
  /** Set for a problem. */
  readonly problem: boolean;
}
