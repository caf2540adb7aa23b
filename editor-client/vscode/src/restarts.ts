// How often a server that dies is started again before the user is asked.

const MOST = 5;
const WITHIN_MS = 3 * 60_000;

export class RestartLimit {
  private times: number[] = [];

  /** Count one death at `now` (ms); false once there were more than `most` within the time. */
  allows(now: number, most: number = MOST, withinMs: number = WITHIN_MS): boolean {
    this.times = [...this.times.filter((time) => now - time < withinMs), now];
    return this.times.length <= most;
  }

  reset(): void {
    this.times = [];
  }
}
