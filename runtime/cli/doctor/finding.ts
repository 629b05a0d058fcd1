import type { Machine } from './machine.js';
import type { Subject } from './subject.js';

export type State = 'ok' | 'warn' | 'fail';

/** What one check has found. Only what is not `ok` has a fix: what to type or to change. */
export type Finding =
  | { readonly check: string; readonly state: 'ok'; readonly text: string }
  | { readonly check: string; readonly state: 'warn' | 'fail'; readonly text: string; readonly fix: string };

/** One group of checks. It asks the machine and changes nothing; it never throws. */
export type Check = (machine: Machine, subject: Subject) => Promise<readonly Finding[]> | readonly Finding[];

export const ok = (check: string, text: string): Finding => ({ check, state: 'ok', text });
export const warn = (check: string, text: string, fix: string): Finding => ({
  check,
  state: 'warn',
  text,
  fix,
});
export const fail = (check: string, text: string, fix: string): Finding => ({
  check,
  state: 'fail',
  text,
  fix,
});
