import { join } from 'node:path';
import { asIotError } from '../../../base/errors.js';
import type { TrustDocument } from '../../../trust/document/document.js';
import { trustFile } from '../../../trust/document/file.js';
import { readTrustDocument } from '../../../trust/document/signed.js';
import { type Check, type Finding, fail, ok, warn } from '../finding.js';

const SOON_SECONDS = 30 * 86_400;

/** The trust document: the newest that the host has kept, or the one that the configuration names. */
export const checkTrust: Check = async (machine, { config }) => {
  if (config === undefined) return [];
  const path = config.trust.document ?? './trust';
  const kept = join(config.dataDir, 'ota/trust');
  const newest = Math.max(
    0,
    ...(await machine.list(kept)).filter((name) => /^[1-9]\d*$/.test(name)).map(Number),
  );
  const files = [trustFile(path), ...(newest > 0 ? [join(kept, String(newest))] : [])];
  const read: { file: string; document?: TrustDocument; problem?: string }[] = [];
  for (const file of config.trust.document === undefined ? files.slice(1) : files) {
    const bytes = await machine.bytes(file);
    if (bytes === undefined) continue;
    try {
      read.push({ file, document: readTrustDocument(bytes) });
    } catch (thrown) {
      read.push({ file, problem: asIotError(thrown).message });
    }
  }
  const damaged = read.find(({ problem }) => problem !== undefined);
  if (damaged !== undefined) {
    return [
      fail(
        'trust',
        `${damaged.file} is damaged: ${damaged.problem}`,
        `put it there again: iot-host keys trust ${path}`,
      ),
    ];
  }
  const document = read
    .flatMap(({ document: found }) => found ?? [])
    .reduce<TrustDocument | undefined>(
      (best, next) => (best && best.version >= next.version ? best : next),
      undefined,
    );
  const named = config.trust.document === undefined ? undefined : trustFile(path);
  const missing = named !== undefined && read.every(({ file }) => file !== named) ? named : undefined;
  if (document === undefined) {
    const add = named === undefined ? ', and in the configuration: trust: {document: ./trust}' : '';
    const where = missing === undefined ? '' : `; ${missing}, which trust: names, is not there`;
    const what = `there is no trust document: pushes are refused${where}`;
    return [warn('trust', what, `iot-host keys trust ${path}${add}`)];
  }
  if (missing !== undefined) {
    return [
      ...verdict(document, path, machine.now),
      warn(
        'trust',
        `${missing}, which trust: names, is not there: the device goes by the document that it has kept`,
        `correct trust:, or put it there again: iot-host keys trust ${path}`,
      ),
    ];
  }
  return verdict(document, path, machine.now);
};

/** Whether the document in force is in force for long. */
function verdict({ version, expires }: TrustDocument, path: string, now: number): Finding[] {
  if (expires === undefined) return [ok('trust', `document ${version}, without an end`)];
  const day = new Date(expires * 1000).toISOString().slice(0, 10);
  const renew = `where the root key is: iot-host keys trust ${path} --expires 1y --device DEVICE`;
  if (expires <= now) return [fail('trust', `document ${version} has expired on ${day}`, renew)];
  if (expires - now < SOON_SECONDS) return [warn('trust', `document ${version} expires on ${day}`, renew)];
  return [ok('trust', `document ${version}, until ${day}`)];
}
