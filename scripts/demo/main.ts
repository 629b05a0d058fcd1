import { parseArgs } from 'node:util';
import { pushBlink, refuseBadPushes, rollBack, swapUnderLoad, takeProviderAway } from './acts.js';
import { Narrator } from './narrator.js';
import { resumePush } from './resume.js';
import { Stage } from './stage.js';

/** The main job, end to end, with an embedded broker and a simulated board; every figure is counted. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
  const narrator = new Narrator(values.json);
  narrator.title('iot-host: signed actors, pushed over MQTT, swapped live');
  const stage = await Stage.set();
  try {
    narrator.say(`pi-01 is up: simulated board, embedded broker at ${stage.device.urls.broker}`);
    await pushBlink(stage, narrator);
    const swap = await swapUnderLoad(stage, narrator);
    const refused = await refuseBadPushes(stage, narrator);
    const rolledBack = await rollBack(stage, narrator);
    const provider = await takeProviderAway(stage, narrator);
    const resume = await resumePush(stage, narrator);
    const ok =
      swap.lost === 0 &&
      swap.duplicated === 0 &&
      swap.rate >= 1_000 &&
      Object.values(refused).every((code) => code.startsWith('E_')) &&
      provider.valueKept &&
      provider.readyzWhileRemoved === 503 &&
      resume.sentBefore < resume.bytes &&
      // Had it begun anew, all that was sent before would have been sent again.
      resume.sentAgain < resume.sentBefore / 2;
    if (values.json)
      process.stdout.write(`${JSON.stringify({ v: 1, ok, swap, refused, rolledBack, provider, resume })}\n`);
    narrator.title(
      ok
        ? 'All of it worked. Next: README.md, "A tour in five minutes".'
        : 'Something did not work, see above.',
    );
    process.exitCode = ok ? 0 : 1;
  } finally {
    await stage.clear();
  }
}

await main();
