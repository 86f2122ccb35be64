/** How much work a launch may hold: launches are kept short, so that a cancelled tile stops soon and a display stays alive. */

const TARGET_MS = 80;
const FIRST_UNITS = 2 ** 17;
const MOST_GROWTH = 8;

/** Learns from the launches of one kernel how many units of its work take `TARGET_MS`. No bit of a result depends on it. */
export class Pacer {
  private units = FIRST_UNITS;

  /** How many items of `unitsEach` the next launch takes: at least `least`. */
  items(unitsEach: number, least = 1): number {
    return Math.max(least, Math.floor(this.units / unitsEach));
  }

  /** A launch of `units` has taken `ms`. */
  record(units: number, ms: number): void {
    const ideal = (units * TARGET_MS) / Math.max(ms, 0.01);
    // A launch smaller than allowed says nothing of larger ones but that they may be tried.
    const bound = Math.max(this.units, units * MOST_GROWTH);
    this.units = Math.max(1, Math.min(ideal, bound));
  }
}
