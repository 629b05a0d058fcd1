import { IotError } from '../../base/errors.js';
import { KIB } from '../../base/limits.js';
import { isReasonCode, REASONS, type ReasonCode } from '../../base/reasons.js';
import { toHex } from '../cbor/bytes.js';
import type { CborItem } from '../cbor/item.js';
import { readCbor } from '../cbor/reader.js';
import { asArray, asBytes, asInt, asText, asUint, Members, wrong } from '../cbor/shape.js';
import { type CborValue, Encoded } from '../cbor/value.js';
import { writeCbor } from '../cbor/writer.js';
import { digestArray, readDigest } from '../cose/authentication.js';
import { keyName, type PublicKey } from '../cose/key.js';
import { createSign1, readSign1, verifySign1 } from '../cose/sign1.js';
import type { Signer } from '../cose/signer.js';
import { MANIFEST } from './labels.js';

const MAX_REPORT_BYTES = 8 * KIB;
/** `SUIT_Report` of draft-ietf-suit-report; the private members lie below -256. */
const REPORT = {
  nonce: 2,
  records: 3,
  result: 4,
  reference: 99,
  code: -257,
  device: -258,
  state: -259,
  timeUnverified: -260,
  attempt: -261,
  grown: -262,
} as const;
const RESULT = { code: 5, record: 6, reason: 7 } as const;
const REASON_INVOKE_PENDING = 12;

/** What a device says of one manifest. */
export interface Report {
  /** Where the manifest came from, for example `URI_MQTT`. */
  readonly uri: string;
  /** SHA-256 of the manifest. */
  readonly manifestDigest: Uint8Array;
  readonly device: string;
  /** Update state: `staged`, `probation`, `active`, `rolled-back`, … */
  readonly state: string;
  /** `done`: it runs; `pending`: staged or on probation; else why it does not run. */
  readonly outcome: 'done' | 'pending' | ReasonCode;
  /** It had a date that no trusted clock of the device could compare. Default false. */
  readonly timeUnverified?: boolean | undefined;
  /** With manifest and state it names the report: the same one may come more than once. */
  readonly attempt?: number | undefined;
  /** What its modules may use that those before could not, `<slot> <capability>` each. */
  readonly grown?: readonly string[] | undefined;
  /** Chosen by whoever asked for the report. */
  readonly nonce?: Uint8Array | undefined;
  /** Position of the failing component in the manifest; default 0. Only written with a failure. */
  readonly componentIndex?: number | undefined;
}

/** The report as a COSE_Sign1, signed with the device's own key. */
export function createReport(report: Report, deviceKey: Signer): Uint8Array {
  const failed = report.outcome !== 'done' && report.outcome !== 'pending';
  const payload = writeCbor(
    new Map<number, CborValue | undefined>([
      [REPORT.reference, [report.uri, new Encoded(digestArray(report.manifestDigest))]],
      [REPORT.nonce, report.nonce],
      [REPORT.records, []],
      [REPORT.result, resultValue(report)],
      [REPORT.code, failed ? report.outcome : undefined],
      [REPORT.device, report.device],
      [REPORT.state, report.state],
      [REPORT.timeUnverified, report.timeUnverified === true ? true : undefined],
      [REPORT.attempt, report.attempt],
      [REPORT.grown, report.grown === undefined ? undefined : [...report.grown]],
    ]),
  );
  return createSign1(deviceKey, payload);
}

function resultValue(report: Report): CborValue {
  if (report.outcome === 'done') return true;
  const pending = report.outcome === 'pending';
  const reason = report.outcome === 'pending' ? undefined : REASONS[report.outcome];
  const section = pending ? MANIFEST.invoke : MANIFEST.install;
  return new Map<number, CborValue>([
    [RESULT.code, reason?.exit ?? 0],
    [RESULT.record, [[], section, 0, report.componentIndex ?? 0, {}]],
    [RESULT.reason, reason?.suit ?? REASON_INVOKE_PENDING],
  ]);
}

/**
 * Verifies and reads a report of the device whose public key is given.
 * Throws E_TOO_LARGE, E_ENVELOPE, E_ALG, E_UNTRUSTED (another key), E_SIGNATURE.
 */
export function readReport(bytes: Uint8Array, devicePublicKey: PublicKey): Report {
  if (bytes.length > MAX_REPORT_BYTES) {
    throw new IotError('E_TOO_LARGE', `report of ${bytes.length} bytes exceeds ${MAX_REPORT_BYTES}`);
  }
  const sign1 = readSign1(bytes);
  if (sign1.payload === undefined) throw new IotError('E_ENVELOPE', 'report carries no payload');
  const kid = toHex(sign1.kid);
  if (kid !== keyName(devicePublicKey)) {
    throw new IotError('E_UNTRUSTED', `report is signed by key ${kid}, which is not the device's`);
  }
  if (!verifySign1(sign1, devicePublicKey)) {
    throw new IotError('E_SIGNATURE', `report is not signed by key ${kid}, which it names`);
  }
  return decodeReport(readCbor(sign1.payload));
}

function decodeReport(item: CborItem): Report {
  const members = Members.of(item, 'report');
  const [uri, manifestDigest] = members.required(REPORT.reference, 'reference', readReference);
  const code = members.optional(REPORT.code, 'code', asText);
  const result = members.required(REPORT.result, 'result', readResult);
  const report: Report = {
    uri,
    manifestDigest,
    device: members.required(REPORT.device, 'device', asText),
    state: members.required(REPORT.state, 'state', asText),
    outcome: outcomeOf(item, result, code),
    timeUnverified: members.optional(REPORT.timeUnverified, 'time-unverified', asTrue),
    attempt: members.optional(REPORT.attempt, 'attempt', asUint),
    grown: members.optional(REPORT.grown, 'grown', asTexts),
    nonce: members.optional(REPORT.nonce, 'nonce', (value, what) => Uint8Array.from(asBytes(value, what))),
    componentIndex: result.componentIndex,
  };
  members.required(REPORT.records, 'records', asArray);
  members.end();
  return report;
}

function asTrue(item: CborItem, what: string): boolean {
  return item.kind === 'simple' && item.value === true ? true : wrong(item, what, 'true or absent');
}

function asTexts(item: CborItem, what: string): string[] {
  return asArray(item, what).map((entry) => asText(entry, `entry of ${what}`));
}

interface Result {
  /** SUIT reason; `undefined` for success. */
  readonly reason: number | undefined;
  readonly componentIndex: number | undefined;
}

function outcomeOf(item: CborItem, result: Result, code: string | undefined): Report['outcome'] {
  if (result.reason === undefined) return 'done';
  if (result.reason === REASON_INVOKE_PENDING) return 'pending';
  // A newer device may know codes that are not in this table.
  if (code === undefined) return wrong(item, 'report', 'with a reason code');
  return isReasonCode(code) ? code : 'E_INTERNAL';
}

function readReference(item: CborItem, what: string): [uri: string, digest: Uint8Array] {
  const [uri, digest] = asArray(item, what, 2) as [CborItem, CborItem];
  return [asText(uri, `uri of ${what}`), readDigest(digest, `digest of ${what}`)];
}

function readResult(item: CborItem, what: string): Result {
  if (item.kind === 'simple' && item.value === true) return { reason: undefined, componentIndex: undefined };
  const members = Members.of(item, what);
  members.required(RESULT.code, 'code', asInt);
  const reason = members.required(RESULT.reason, 'reason', asUint);
  const componentIndex = members.required(RESULT.record, 'record', (record, name) => {
    const [, , , index] = asArray(record, name, 5);
    return index === undefined ? wrong(record, name, 'a record') : asUint(index, `component of ${name}`);
  });
  members.end();
  return { reason, componentIndex };
}
