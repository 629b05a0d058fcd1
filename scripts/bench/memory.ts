import { type Figure, type Row, scaled } from './figure.js';
import { alternate } from './rounds.js';
import { Subject } from './subject.js';

/** As a device is started where address space is short: V8 then reserves no 10 GiB for each memory. */
const FLAGS = ['--expose-gc', '--disable-wasm-trap-handler'];

/** Resident memory of one more actor, loaded and called once. */
export const memory: Figure = {
  name: 'memory',
  reference: 'npm @wapc/host on V8',
  async run(scale) {
    const rows: Row[] = [];
    for (const actors of [100, 1_000]) {
      const count = scaled(actors, scale, 50);
      const each = (host: 'ours' | 'wapc') => async () => {
        const subject = await Subject.start('many', { host, count, file: 'echo-c' }, FLAGS);
        await subject.stop();
        return Number(subject.hello.kibEach);
      };
      const comparison = await alternate(each('ours'), each('wapc'));
      rows.push({ what: `one of ${count} actors`, unit: 'KiB', better: 'lower', ...comparison });
    }
    return rows;
  },
};
