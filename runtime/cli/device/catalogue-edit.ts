import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Document, isMap, parseDocument } from 'yaml';
import { IotError } from '../../base/errors.js';
import type { Environment } from '../../base/paths.js';
import { type Catalogue, type CatalogueEntry, catalogueFile, parseCatalogue } from './catalogue.js';

/** Words that `--device` has a meaning of its own for. */
const RESERVED: ReadonlySet<string> = new Set(['host', 'last']);

/**
 * Adds a device; the same one again changes nothing. Throws E_USAGE for a name that is taken, and E_CONFIG when the
 * file is not valid, or would not be.
 */
export function addDevice(name: string, entry: CatalogueEntry, environment: Environment): Promise<boolean> {
  return edit(environment, (document, { devices }) => {
    if (RESERVED.has(name)) {
      throw new IotError('E_USAGE', `"${name}" means something else: choose another name`);
    }
    const known = Object.hasOwn(devices, name) ? devices[name] : undefined;
    if (known !== undefined && sameEntry(known, entry)) return false;
    if (known !== undefined) {
      throw new IotError('E_USAGE', `there is a device ${name} already, at ${known.broker}`, {
        hint: `iot-host devices rm ${name}`,
      });
    }
    if (!isMap(document.get('devices'))) document.set('devices', document.createNode({}));
    document.setIn(['devices', name], document.createNode(entry));
    return true;
  });
}

/** Throws E_NOT_FOUND naming those there are. */
export function removeDevice(name: string, environment: Environment): Promise<boolean> {
  return edit(environment, (document, catalogue) => {
    requireKnown(name, catalogue, environment);
    document.deleteIn(['devices', name]);
    if (catalogue.default === name) document.delete('default');
    return true;
  });
}

/** Throws E_NOT_FOUND naming those there are. */
export function setDefault(name: string, environment: Environment): Promise<boolean> {
  return edit(environment, (document, catalogue) => {
    requireKnown(name, catalogue, environment);
    if (catalogue.default === name) return false;
    document.set('default', name);
    return true;
  });
}

function requireKnown(name: string, { devices }: Catalogue, environment: Environment): void {
  if (Object.hasOwn(devices, name)) return;
  const known = Object.keys(devices).join(', ') || 'none';
  throw new IotError('E_NOT_FOUND', `${catalogueFile(environment)} has no device ${name}; it has: ${known}`, {
    hint: `iot-host devices add ${name} --broker mqtt://HOST:1883`,
  });
}

/** Changes the document and not its values, so that comments and `${…}` stay. False when nothing was written. */
async function edit(
  environment: Environment,
  change: (document: Document, catalogue: Catalogue) => boolean,
): Promise<boolean> {
  const file = catalogueFile(environment);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new IotError('E_CONFIG', `${file} cannot be read: ${error.message}`);
  });
  const catalogue = parseCatalogue(file, text, environment);
  const document = parseDocument(text);
  if (!change(document, catalogue)) return false;
  const edited = document.toString({ lineWidth: 0, flowCollectionPadding: /[{[] /.test(text) });
  parseCatalogue(file, edited, environment);
  await mkdir(dirname(file), { recursive: true });
  const fresh = `${file}.new`;
  await writeFile(fresh, edited);
  await rename(fresh, file);
  return true;
}

function sameEntry(a: CatalogueEntry, b: CatalogueEntry): boolean {
  const plain = ({ broker, username, password, ca, labels = {} }: CatalogueEntry) =>
    JSON.stringify([broker, username, password, ca, Object.entries(labels).sort()]);
  return plain(a) === plain(b);
}
