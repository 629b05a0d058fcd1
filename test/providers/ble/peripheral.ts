import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Answer {
  readonly id?: number;
  readonly ready?: string;
  readonly value?: unknown;
}

/** The peripheral of the contract test in a process of its own, on a controller that bleno reaches by `options`. */
export class Peripheral {
  #child: ChildProcess | undefined;
  #asked = 0;
  address = '';

  constructor(
    private readonly options: object,
    private readonly env: NodeJS.ProcessEnv = {},
  ) {}

  /** Resolves when it advertises. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const script = fileURLToPath(new URL('peripheral.mjs', import.meta.url));
    const child = fork(script, [JSON.stringify(this.options)], {
      env: { ...process.env, ...this.env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    const answer = await this.#answer(({ ready }) => ready !== undefined);
    this.address = answer.ready ?? '';
  }

  /**
   * Cuts the connection and dies in the same moment. The first is for the emulated air, which does not miss a
   * controller that has fallen silent: a real one would, by its supervision timeout.
   */
  async vanish(): Promise<void> {
    await this.ask('cut');
    await this.kill();
  }

  /**
   * Ends it with nothing under way: when a packet for an emulated controller is dropped because its user died, btvirt
   * (BlueZ 5.66) waits in `read` for the next one, and no other controller is served until then.
   */
  async end(): Promise<void> {
    if (this.#child !== undefined) await this.ask('rest');
    await this.kill();
  }

  /** Without a chance to say goodbye. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async ask(operation: 'written' | 'asked' | 'notify' | 'cut' | 'rest', value?: string): Promise<unknown> {
    const id = ++this.#asked;
    this.#child?.send({ id, operation, value });
    return (await this.#answer((answer) => answer.id === id)).value;
  }

  #answer(fits: (answer: Answer) => boolean): Promise<Answer> {
    const child = this.#child;
    if (child === undefined) throw new Error('the peripheral does not run');
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error('the peripheral has ended'));
      const listen = (answer: Answer) => {
        if (!fits(answer)) return;
        child.off('message', listen);
        child.off('exit', gone);
        resolve(answer);
      };
      child.on('message', listen);
      child.on('exit', gone);
    });
  }
}
