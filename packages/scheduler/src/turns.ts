/** One that wants places in a queue, and its weight. */
export interface Contender {
  id: string;
  /** 1 to 10. */
  priority: number;
  /** W3C traceparent of the request that made it, where that was traced. */
  traceParent?: string | null;
}

/**
 * Who gets how many free places of a queue: fair queueing by start times (Goyal, Vin, Cheng 1997). Each contender's time
 * goes on by 1/priority with each place it takes, and the next place is for the one whose time is least: over any while
 * in which two always want places, they get them in the proportion of their priorities, however few are free at once.
 * A newcomer starts at the present, and so does who wanted nothing for a while: it has saved nothing up. The present goes on
 * with every place, by one over the weights of all who want one; did it wait for the last of them, newcomers that never
 * cease would keep everybody from a second place for ever.
 */
export class Turns {
  readonly #times = new Map<string, number>();
  /** Whose times stand: they have wanted places ever since these were given. */
  #waiting = new Set<string>();
  #now = 0;
  #weights = 1;

  /** Deals `places` out. @returns how many each may take; those that get none are not in it */
  deal(contenders: readonly Contender[], places: number): Map<string, number> {
    this.#weights = contenders.reduce((sum, { priority }) => sum + priority, 0);
    const times = contenders.map(({ id }) => this.#timeOf(id));
    contenders.forEach(({ id }, i) => {
      this.#times.set(id, times[i] as number);
      this.#waiting.add(id);
    });
    const shares = new Map<string, number>();
    for (let place = 0; place < places && contenders.length > 0; place++) {
      let next = 0;
      for (let i = 1; i < times.length; i++) if ((times[i] as number) < (times[next] as number)) next = i;
      const { id, priority } = contenders[next] as Contender;
      shares.set(id, (shares.get(id) ?? 0) + 1);
      times[next] = (times[next] as number) + 1 / priority;
    }
    return shares;
  }

  /** Notes that a contender took so many places. */
  took({ id, priority }: Contender, places: number): void {
    this.#times.set(id, this.#timeOf(id) + places / priority);
    this.#now += places / this.#weights;
  }

  /** Ends a round. @param waiting those that still want places */
  settle(waiting: readonly Contender[]): void {
    this.#waiting = new Set(waiting.map(({ id }) => id));
    if (waiting.length === 0) this.#now = Math.max(this.#now, ...this.#times.values());
  }

  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#times.keys()) if (!ids.has(id)) this.#times.delete(id);
  }

  #timeOf(id: string): number {
    const time = this.#times.get(id) ?? this.#now;
    return this.#waiting.has(id) ? time : Math.max(this.#now, time);
  }
}
