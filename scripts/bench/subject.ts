import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What a subject says when it is up, and what it answers to a question. */
export type Answer = Record<string, unknown>;

/**
 * A program under measurement, in a process of its own, so that its processor time is its own too. The programs stand
 * in `subjects/`; `serve` is their other end.
 */
export class Subject {
  readonly #child: ChildProcess;
  /** What it said when it was up. */
  readonly hello: Answer;

  private constructor(child: ChildProcess, hello: Answer) {
    this.#child = child;
    this.hello = hello;
  }

  /** `options` reach the program as JSON; `environment` is added to ours. */
  static async start(
    program: string,
    options: Answer,
    execArgv: string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Subject> {
    const url = new URL(`./subjects/${program}.js`, import.meta.url);
    const child = fork(url, [JSON.stringify(options)], {
      execArgv,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    return new Subject(child, await answer(child, program));
  }

  async ask(question: Answer): Promise<Answer> {
    const answered = answer(this.#child, String(question.ask));
    this.#child.send(question);
    return answered;
  }

  /** Processor seconds so far, all its threads. */
  async processorSeconds(): Promise<number> {
    return Number((await this.ask({ ask: 'cpu' })).seconds);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.send({ ask: 'stop' });
    await ended;
  }
}

async function answer(child: ChildProcess, what: string): Promise<Answer> {
  const gone = new AbortController();
  const message = once(child, 'message', { signal: gone.signal });
  const exit = once(child, 'exit', { signal: gone.signal }).then(([code]) => {
    throw new Error(`${what} ended with code ${code}`);
  });
  try {
    const [first] = (await Promise.race([message, exit])) as [Answer];
    if (first.error !== undefined) throw new Error(`${what}: ${first.error}`);
    return first;
  } finally {
    gone.abort();
    await Promise.allSettled([message, exit]);
  }
}

interface Service {
  readonly hello: Answer;
  /** Answers what is particular to this program. */
  answer?(question: Answer): Promise<Answer>;
  stop(): Promise<void>;
}

/** The program's end: starts the service with the options, then answers until it is told to stop. */
export async function serve(start: (options: never) => Promise<Service>): Promise<void> {
  const send = (message: Answer) => process.send?.(message);
  try {
    const service = await start(JSON.parse(process.argv[2] ?? '{}') as never);
    process.on('message', (question: Answer) => {
      void reply(service, question).then(send, (thrown: unknown) => send({ error: String(thrown) }));
    });
    // Nobody is left to measure it.
    process.on('disconnect', () => process.exit(1));
    send(service.hello);
  } catch (thrown) {
    send({ error: String(thrown) });
    process.exitCode = 1;
    process.disconnect();
  }
}

async function reply(service: Service, question: Answer): Promise<Answer> {
  if (question.ask === 'cpu') {
    const { user, system } = process.cpuUsage();
    return { seconds: (user + system) / 1e6 };
  }
  if (question.ask === 'stop') {
    await service.stop();
    process.exit(0);
  }
  if (service.answer === undefined) throw new Error(`nothing answers ${String(question.ask)}`);
  return service.answer(question);
}
