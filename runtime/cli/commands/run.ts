import type { CommandSpec } from '../command.js';
import { readModule } from '../module/read.js';

export const command: CommandSpec = {
  name: 'run',
  summary: 'call an exported function of a plain module',
  group: 'This machine:',
  build(command, context) {
    command
      .argument('<file>', 'WebAssembly module, or .wat text')
      .argument('[args...]', 'arguments: decimal or 0x numbers; a negative one may need -- in front')
      .requiredOption('--invoke <function>', 'exported function to call')
      .addHelpText('after', '\nExample: iot-host run add1.wasm --invoke add 2 2')
      .action(
        context.action(async (file: string, args: string[], options: { invoke: string }) => {
          const module = await readModule(file);
          const { invokePlain } = await import('../../index.js');
          const results = await invokePlain(module, options.invoke, args);
          return { data: { function: options.invoke, results }, text: results.map(plainText) };
        }),
      );
  },
};

/** `-0` stays what it is: it is another float than `0`. */
function plainText(value: number | bigint): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
