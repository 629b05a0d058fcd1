import type { CommandSpec } from '../command.js';

export const command: CommandSpec = {
  name: 'inspect',
  summary: 'show a module’s claims, imports, exports and memory',
  group: 'Modules and keys:',
  build(command, context) {
    command.argument('<file>', 'WebAssembly module').action(
      context.action(async (file: string) => {
        const { readModule } = await import('../module/read.js');
        const { inspectionResult } = await import('../module/inspection.js');
        return inspectionResult(file, await readModule(file));
      }),
    );
  },
};
