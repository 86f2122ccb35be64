/** Sums whose value does not depend on how far rounding has already gone. */

/** Neumaier's compensated sum: the error of a running sum is carried beside it. */
export class CompensatedSum {
  #sum = 0;
  #compensation = 0;

  add(value: number): void {
    const next = this.#sum + value;
    this.#compensation +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - next + value : value - next + this.#sum;
    this.#sum = next;
  }

  get value(): number {
    return this.#sum + this.#compensation;
  }
}
