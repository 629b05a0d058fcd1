import type { WapcHost } from '@wapc/host';
import wapc from '@wapc/host';
import type { Actor, Engine } from '../../runtime/index.js';
import { actorFile, built, newEngine, startActor } from './engine.js';
import { type Figure, type Row, scaled } from './figure.js';
import { alternate } from './rounds.js';

const PAYLOAD = new Uint8Array(64).map((_, index) => index);
const OPERATIONS = ['Echo', 'Relay'] as const;

interface Guest {
  readonly name: string;
  readonly module: Uint8Array;
  /** Calls of one round. */
  readonly calls: number;
}

/** One waPC call of 64 bytes, with the same guest in both hosts. Relay makes one host call on its way. */
export const echo: Figure = {
  name: 'echo',
  reference: 'npm @wapc/host on V8',
  async run(scale) {
    const guests: Guest[] = [
      { name: 'C, own SDK', module: await actorFile('echo-c'), calls: 200_000 },
      { name: 'AssemblyScript, own SDK', module: await actorFile('echo-as'), calls: 200_000 },
      {
        name: 'AssemblyScript, @wapc/as-guest',
        module: await built('bench/echo-as-guest.wasm'),
        calls: 20_000,
      },
    ];
    const engine = await newEngine();
    const rows: Row[] = [];
    for (const guest of guests) rows.push(...(await compareGuest(engine, guest, scale)));
    return rows;
  },
};

async function compareGuest(engine: Engine, { name, module, calls }: Guest, scale: number): Promise<Row[]> {
  using actor = startActor(engine, module);
  const host = await wapc.instantiate(module, (_binding, _namespace, _operation, payload) => payload);
  const count = scaled(calls, scale, 1_000);
  const rows: Row[] = [];
  for (const operation of OPERATIONS) {
    await checkAnswers(actor, host, operation);
    const ours = () => perSecond(count, () => callOurs(actor, operation, count));
    const reference = () => perSecond(count, () => callTheirs(host, operation, count));
    await ours();
    await reference();
    rows.push({
      what: `${operation.toLowerCase()} of 64 bytes, ${name}`,
      unit: 'calls/s',
      better: 'higher',
      ...(await alternate(ours, reference)),
    });
  }
  return rows;
}

async function checkAnswers(actor: Actor, host: WapcHost, operation: string): Promise<void> {
  const result = actor.call(operation, PAYLOAD);
  const answers = [result.ok ? result.reply : new Uint8Array(0), await host.invoke(operation, PAYLOAD)];
  if (answers.some((answer) => Buffer.compare(answer, PAYLOAD) !== 0))
    throw new Error(`${operation} is wrong`);
}

function callOurs(actor: Actor, operation: string, count: number): void {
  for (let i = 0; i < count; i++)
    if (!actor.call(operation, PAYLOAD).ok) throw new Error(`${operation} failed`);
}

async function callTheirs(host: WapcHost, operation: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await host.invoke(operation, PAYLOAD);
}

/** In processor time of this thread's process: nothing else runs in it. */
async function perSecond(count: number, work: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1e6);
}
