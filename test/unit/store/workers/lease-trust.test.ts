import { describe, expect, it } from 'vitest';
import { createTrustWindow, TTL_MS } from '../../../../src/store/workers/lease-trust.ts';
import { createStillClock, settle } from '../../../helpers/still-clock.ts';

/** Time on both clocks; the wall clock can be set. */
function createClocks() {
  const clock = createStillClock();
  let setMs = 0;
  return {
    clock: { ...clock, now: () => clock.now() + setMs },
    pass: clock.pass,
    set(ms: number) {
      setMs += ms;
    },
  };
}

describe('the trust of a worker in its leases', () => {
  it('counts from before the renewal was sent, however late the answer came', () => {
    const { clock, pass } = createClocks();
    const trust = createTrustWindow(clock);
    expect(trust.isTrusted()).toBe(false);
    const sentAt = trust.now();
    pass(10_000);
    trust.renewed(sentAt);
    expect(trust.isTrusted()).toBe(true);
    pass(3_400);
    expect(trust.isTrusted()).toBe(false);
    const late = trust.now();
    pass(14_000);
    trust.renewed(late);
    expect(trust.isTrusted()).toBe(false);
  });

  it('ends at two thirds of the TTL, by itself, and tells whoever acts', async () => {
    const { clock, pass } = createClocks();
    const trust = createTrustWindow(clock);
    trust.renewed(trust.now());
    const { signal } = trust;
    pass((TTL_MS * 2) / 3 - 1);
    await settle();
    expect(signal.aborted).toBe(false);
    pass(2);
    await settle();
    expect(signal.aborted).toBe(true);
    let isBack = false;
    void trust.regained(new AbortController().signal).then(() => {
      isBack = true;
    });
    await settle();
    expect(isBack).toBe(false);
    trust.renewed(trust.now());
    await settle();
    expect(isBack).toBe(true);
    expect(trust.signal.aborted).toBe(false);
  });

  it('tells when the leases have ended for the database, too, whatever the wall clock says', () => {
    const { clock, pass, set } = createClocks();
    const trust = createTrustWindow(clock);
    expect(trust.hasRunOut()).toBe(false);
    trust.renewed(trust.now());
    set(3_600_000);
    pass(TTL_MS - 1);
    expect([trust.isTrusted(), trust.hasRunOut()]).toEqual([false, false]);
    trust.spend();
    pass(1);
    expect(trust.hasRunOut()).toBe(true);
    trust.renewed(trust.now());
    expect(trust.hasRunOut()).toBe(false);
  });

  it('does not depend on the hour of the wall clock', () => {
    for (const hours of [-1, 1]) {
      const { clock, pass, set } = createClocks();
      set(hours * 3_600_000);
      const trust = createTrustWindow(clock);
      trust.renewed(trust.now());
      pass(10_000);
      expect(trust.isTrusted()).toBe(true);
      pass(5_000);
      expect(trust.isTrusted()).toBe(false);
    }
  });

  it('ends when the machine has slept, which the monotonic clock does not count', () => {
    const { clock, set } = createClocks();
    const trust = createTrustWindow(clock);
    trust.renewed(trust.now());
    set(60_000);
    expect(trust.isTrusted()).toBe(false);
    trust.renewed(trust.now());
    set(-3_600_000);
    expect(trust.isTrusted()).toBe(true);
  });

  it('is spent by a stop of the process until a renewal that was sent afterwards', () => {
    const { clock, pass } = createClocks();
    const trust = createTrustWindow(clock);
    const before = trust.now();
    pass(1_000);
    trust.spend();
    trust.renewed(before);
    expect(trust.isTrusted()).toBe(false);
    trust.renewed(trust.now());
    expect(trust.isTrusted()).toBe(true);
  });

  it('lets others count as dead only after one TTL without a failure of its own', () => {
    const { clock, pass } = createClocks();
    const trust = createTrustWindow(clock);
    const renewFor = (ms: number): void => {
      for (let left = ms; left > 0; left -= 5_000) {
        trust.renewed(trust.now());
        pass(5_000);
      }
    };
    renewFor(15_000);
    expect(trust.isSteady()).toBe(false);
    renewFor(10_000);
    expect(trust.isSteady()).toBe(true);
    trust.failed();
    expect(trust.isSteady()).toBe(false);
    renewFor(15_000);
    expect(trust.isSteady()).toBe(false);
    renewFor(10_000);
    expect(trust.isSteady()).toBe(true);
    // Nothing failed, and nothing was sent either.
    pass(30_000);
    renewFor(5_000);
    expect(trust.isSteady()).toBe(false);
  });
});
