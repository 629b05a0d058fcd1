import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../runtime/base/logger.js';
import { nodeFileSystem } from '../../runtime/ota/index.js';
import { EMPTY_COMPONENT } from '../../runtime/ota/storage/record.js';
import { encodeRecord, STATE_BYTES } from '../../runtime/ota/storage/record-codec.js';
import { StateFiles } from '../../runtime/ota/storage/state-files.js';
import { Store } from '../../runtime/ota/storage/store.js';
import { type Figure, scaled } from './figure.js';
import { alternate } from './rounds.js';

/** On the disk of this checkout: /tmp may be memory. */
const PLACE = fileURLToPath(new URL('../../', import.meta.url));
const SLOTS = 10;
const DIGEST = 'ab'.repeat(32);

/** One change of the update record, until it would survive a power cut. */
export const commit: Figure = {
  name: 'commit',
  reference: 'one bare fdatasync of as many bytes',
  async run(scale) {
    const folder = await mkdtemp(join(PLACE, 'bench-commit-'));
    try {
      const store = new Store(new StateFiles(nodeFileSystem, folder, silentLogger));
      await store.open();
      const slot = { ...EMPTY_COMPONENT, blocked: [DIGEST, DIGEST] };
      const components = Object.fromEntries(Array.from({ length: SLOTS }, (_, n) => [`slot-${n}`, slot]));
      await store.change((state) => ({ ...state, components }));
      const record = encodeRecord(store.current);
      const file = openSync(join(folder, 'bare'), 'w');
      writeSync(file, new Uint8Array(STATE_BYTES), 0, STATE_BYTES, 0);
      fdatasyncSync(file);

      const count = scaled(200, scale, 20);
      const ours = async () => {
        const began = performance.now();
        for (let n = 0; n < count; n++)
          await store.change((state) => ({ ...state, session: state.session + 1 }));
        return (performance.now() - began) / count;
      };
      const reference = () => {
        let spent = 0;
        for (let n = 0; n < count; n++) {
          // Without something to write there would be nothing to wait for.
          record[n % record.length] = n;
          writeSync(file, record, 0, record.length, 0);
          const began = performance.now();
          fdatasyncSync(file);
          spent += performance.now() - began;
        }
        return spent / count;
      };
      await ours();
      const comparison = await alternate(ours, reference);
      return [{ what: `${record.length} bytes, ${SLOTS} slots`, unit: 'ms', better: 'lower', ...comparison }];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
