/** A member of a `FifoList`, with its links in it: nothing is allocated to move it. */
export interface FifoMember<Member> {
  readonly costBytes: number;
  newer: Member | undefined;
  older: Member | undefined;
}

/** Members in the order in which they were added, with their cost. */
export class FifoList<Member extends FifoMember<Member>> {
  #newest: Member | undefined;
  #oldest: Member | undefined;
  #bytes = 0;

  get oldest(): Member | undefined {
    return this.#oldest;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `member` is in no list. */
  add(member: Member): void {
    member.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = member;
    this.#newest = member;
    this.#oldest ??= member;
    this.#bytes += member.costBytes;
  }

  /** `member` is in this list. */
  remove(member: Member): void {
    if (member.newer === undefined) this.#newest = member.older;
    else member.newer.older = member.older;
    if (member.older === undefined) this.#oldest = member.newer;
    else member.older.newer = member.newer;
    member.newer = undefined;
    member.older = undefined;
    this.#bytes -= member.costBytes;
  }
}
