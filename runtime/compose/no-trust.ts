import { IotError } from '../base/errors.js';
import { trustFile } from '../trust/document/file.js';

/** Why a device refuses whatever is signed; `document` is `trust.document` of its configuration. */
export function noTrust(device: string, document: string | undefined): IotError {
  const why =
    document === undefined
      ? 'its configuration names none (trust:)'
      : `there is none at ${trustFile(document)}, which trust: of its configuration names`;
  return new IotError('E_NO_TRUST', `device ${device} has no trust document: ${why}`, {
    hint: firstTrust(document),
  });
}

/** What its owner has to do there: the first document never comes over the network. */
export function firstTrust(document: string | undefined): string {
  return document === undefined
    ? 'on the device: iot-host keys trust ./trust, and in its configuration: trust: {document: ./trust}; then start it again'
    : `on the device: iot-host keys trust ${document}; or copy the root.cbor that was made elsewhere to ${trustFile(document)}`;
}
