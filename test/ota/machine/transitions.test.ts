import { describe, expect, it } from 'vitest';
import {
  apply,
  clear,
  commit,
  fallBack,
  forget,
  MAX_BLOCKED,
  refuse,
  revert,
  spendStart,
  storesOf,
} from '#runtime/ota/machine/transitions.js';
import {
  type ComponentRecord,
  EMPTY_STATE,
  type EndingRecord,
  type InstalledRecord,
  type PendingRecord,
  type StateRecord,
} from '#runtime/ota/storage/record.js';

const hex = (n: number) => n.toString(16).padStart(64, '0');
const installed = (n: number): InstalledRecord => ({
  ...{ digest: hex(n), sequence: n, deployment: hex(1000 + n), key: 'M', name: `m${n}`, capabilities: [] },
});
const pendingOf = (n: number): PendingRecord => ({ ...installed(n), phase: 'staged', left: 3, dwellMs: 0 });
const ending = (n: number): EndingRecord => ({
  deployment: hex(1000 + n),
  sequence: n,
  state: 'rolled-back',
});
const record: ComponentRecord = {
  active: installed(5),
  previous: installed(4),
  pending: pendingOf(6),
  floor: 5,
  blocked: [],
};

describe('transitions of a record', () => {
  it('a start is spent before the module runs, and never below none', () => {
    const once = spendStart(record);
    expect(once.pending).toMatchObject({ phase: 'probation', left: 2 });
    expect(spendStart(spendStart(spendStart(once))).pending?.left).toBe(0);
    expect(once.floor).toBe(5);
  });

  it('a commit moves active to previous and raises the floor in one record', () => {
    expect(commit(spendStart(record))).toEqual({
      ...{ active: installed(6), previous: installed(5), pending: undefined, ending: undefined },
      ...{ floor: 6, floorDeployment: hex(1006), blocked: [] },
    });
  });

  it('a commit of the bytes that run already keeps what was before them', () => {
    const same = commit({ ...record, pending: { ...pendingOf(6), digest: hex(5) } });
    expect(same.previous).toEqual(installed(4));
  });

  it('a commit drops what is below the security floor', () => {
    expect(commit({ ...record, pending: { ...pendingOf(6), securityFloor: 5 } }).previous).toEqual(
      installed(5),
    );
    expect(commit({ ...record, pending: { ...pendingOf(6), securityFloor: 6 } }).previous).toBeUndefined();
  });

  it('a revert blocks the digest once, forgets the oldest, and leaves the floor', () => {
    const many = Array.from({ length: MAX_BLOCKED }, (_, index) => hex(100 + index));
    const after = revert(ending(6))({ ...record, blocked: many });
    expect(after.blocked).toEqual([...many.slice(1), hex(6)]);
    expect(revert(ending(6))({ ...after, pending: pendingOf(6) }).blocked).toEqual(after.blocked);
    expect(after).toMatchObject({ active: installed(5), floor: 5, ending: ending(6) });
    expect(after.pending).toBeUndefined();
  });

  it('a revert does not block the bytes that are active', () => {
    expect(revert(ending(6))({ ...record, pending: { ...pendingOf(6), digest: hex(5) } }).blocked).toEqual(
      [],
    );
  });

  it('a refusal and a withdrawal touch only their own deployment', () => {
    expect(refuse(ending(7))(record).pending).toEqual(record.pending);
    expect(refuse(ending(6))(record).pending).toBeUndefined();
    expect(forget(hex(1007))(record)).toBe(record);
    expect(forget(hex(1006))(record).pending).toBeUndefined();
  });

  it('falling back and clearing never lower the floor', () => {
    expect(fallBack(record)).toMatchObject({ active: installed(4), floor: 5 });
    expect(fallBack(record).previous).toBeUndefined();
    expect(clear(record)).toEqual({ floor: 6, blocked: [] });
    expect(clear(clear(record))).toEqual({ floor: 6, blocked: [] });
  });

  it('writes are counted for each deployment, and no change is no write', () => {
    const state: StateRecord = { ...EMPTY_STATE, generation: 1, session: 1, components: { blink: record } };
    const once = apply(state, 'blink', hex(1006), spendStart);
    const twice = apply(once, 'blink', hex(1006), spendStart);
    expect(storesOf(twice.components.blink!, hex(1006))).toBe(2);
    expect(storesOf(twice.components.blink!, hex(1007))).toBe(0);
    expect(storesOf(apply(twice, 'blink', hex(1007), spendStart).components.blink!, hex(1007))).toBe(1);
    expect(apply(state, 'blink', hex(1007), forget(hex(1007)))).toBe(state);
    expect(apply(state, 'constructor', hex(1), (component) => component)).toBe(state);
  });
});
