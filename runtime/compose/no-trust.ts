import { existsSync } from 'node:fs';
import { IotError } from '../base/errors.js';
import { trustFile } from '../trust/document/file.js';

/** Why a device refuses whatever is signed; `document` is `trust.document` of its configuration. */
export function noTrust(device: string, document: string | undefined): IotError {
  const why = document === undefined ? 'its configuration names none (trust:)' : whyNot(trustFile(document));
  return new IotError('E_NO_TRUST', `device ${device} has no trust document: ${why}`, {
    hint: firstTrust(document),
  });
}

function whyNot(file: string): string {
  const named = 'which trust: of its configuration names';
  if (!existsSync(file)) return `there is none at ${file}, ${named}`;
  return `what is at ${file}, ${named}, cannot be used; its log says why`;
}

/** What its owner has to do there: the first document never comes over the network. */
export function firstTrust(document: string | undefined): string {
  return document === undefined
    ? 'on the device: iot-host keys trust ./trust, and in its configuration: trust: {document: ./trust}; then start it again'
    : `on the device: iot-host keys trust ${document}; or copy the root.cbor that was made elsewhere to ${trustFile(document)}`;
}
