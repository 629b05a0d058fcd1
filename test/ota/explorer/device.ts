import { silentLogger } from '#runtime/base/logger.js';
import type { UpdateStatus } from '#runtime/control/protocol/messages.js';
import type { Candidate, CheckedModule } from '#runtime/host/update.js';
import { type StatusSink, Updates } from '#runtime/ota/index.js';
import { PROBATION_STARTS } from '#runtime/ota/machine/transitions.js';
import type { Now } from '#runtime/ota/time.js';
import { publicFromSeed } from '#runtime/trust/ed25519.js';
import { readReport } from '#runtime/trust/suit/report.js';
import { ManualClock } from '../../helpers/manual-clock.js';
import { MemorySource } from '../../helpers/module-source.js';
import { MemoryTarget } from '../../helpers/update-target.js';
import { benchChecks, deviceSeed, digestOf, GivenTrust, trust } from '../bench.js';
import type { Disk } from './disk.js';
import { digestsOf, FOLDER, type Scenario, type Step } from './scenario.js';
import { lastActive, type World } from './world.js';

const deviceKey = publicFromSeed(deviceSeed);
const DWELL_MS = 5_000;
/** Timers that may pass before something has to come of a deployment. */
const MAX_WAITS = 200;
/** Times that a module may stop the host: its starts, and once for each other deployment. */
const MAX_DEATHS = PROBATION_STARTS + 2;

export type Complain = (what: string, detail?: string) => void;

/** One life of the device, from power on until nothing is left to do, or until a module stops the host. */
export class Device {
  private readonly clock = new ManualClock();
  private readonly updates: Updates;
  private readonly target: Witness;
  private booted = false;

  constructor(
    private readonly scenario: Scenario,
    private readonly disk: Disk,
    readonly world: World,
    /** Called whenever the outside has heard something, just before and after. */
    private readonly watch: (what: string) => void,
    private readonly complain: Complain,
    /** Times that the host was stopped from outside before this life. */
    private readonly stops = 0,
  ) {
    const source = new MemorySource();
    for (const each of [...scenario.steps, scenario.proof]) {
      for (const bytes of each.modules.values()) source.offer(bytes);
    }
    this.target = new Witness(
      (module) => this.tried(module),
      () => this.die(),
    );
    const sink: StatusSink = {
      status: async (status) => this.hear(`status ${status.state}`, () => this.told(status)),
      report: async (report) => this.hear('report', () => this.reported(report)),
    };
    const fs = scenario.through?.(disk, () => this.booted) ?? disk;
    const { given } = scenario;
    const owner = new GivenTrust(given);
    const trusted = (now: Now) => (given === undefined ? trust : this.updates.trust.inForce(now));
    this.updates = new Updates({
      ...{ device: 'pi-01', folder: FOLDER, deviceSeed, checks: benchChecks(trusted) },
      ...{ target: this.target, source, sink, fs, clock: this.clock, log: silentLogger, dwellMs: DWELL_MS },
      ...(given === undefined ? {} : { givenTrust: () => owner.take() }),
    });
  }

  /** Goes on until `pause` says so after a step; false when a module stopped the host, or nothing goes on any more. */
  async run(pause: () => boolean = () => false): Promise<boolean> {
    try {
      if (!(await this.settled(this.boot()))) return false;
      const { steps } = this.scenario;
      while (this.world.step < steps.length) {
        const wanted = steps[this.world.step];
        if (wanted === undefined || !(await this.bring(wanted))) return false;
        this.world.step += 1;
        // Whoever pushes next takes longer than the system takes to write everything back.
        this.disk.settle();
        this.watch('next step');
        if (pause()) break;
      }
      return true;
    } catch (thrown) {
      this.complain('it does not start', String(thrown));
      return false;
    }
  }

  /** Whether the device takes a good module at the end of it all, when what came last was taken back. */
  async prove(): Promise<void> {
    const { steps, proof } = this.scenario;
    if (this.world.endings[steps.length - 1] === 'active') return;
    if (await this.bring(proof)) return;
    this.complain('a good module cannot be installed any more', this.world.endings[steps.length]);
  }

  private async boot(): Promise<void> {
    await this.updates.start();
    this.booted = true;
    const running = new Map<string, CheckedModule>();
    for (const slot of this.updates.slots) {
      const module = this.updates.installed(slot);
      if (module !== undefined) running.set(slot, module);
    }
    this.judge(running);
    for (const [slot, module] of running) this.target.running.set(slot, module);
    this.updates.resume();
  }

  /** What the device comes up with must be something that the outside can explain. */
  private judge(running: ReadonlyMap<string, CheckedModule>): void {
    const { world, scenario, updates } = this;
    const known = lastActive(world);
    const version = updates.trust.current()?.version ?? 0;
    if (version < world.trust) this.complain('trust went back', `${world.trust} to ${version}`);
    const unheard = version > Math.max(1, world.trust);
    for (const slot of slotsOf(scenario)) {
      const module = running.get(slot);
      const index = module === undefined ? -1 : this.stepOf(module.digest);
      if (module !== undefined && digestOf(module.bytes) !== module.digest) this.complain('unverified bytes');
      if (index < known)
        this.complain(module === undefined ? 'no module' : 'an ack was lost', `${index} < ${known}`);
      if (index > world.step) this.complain('a module that nobody desired', `${index}`);
      if (world.endings[index] !== undefined && world.endings[index] !== 'active') {
        this.complain('a module runs that was taken back', `${index}`);
      }
      const floor = updates.floor(slot);
      // A document that nobody has heard of yet may have let it start anew; it never does so twice.
      if (floor < world.floor && !unheard) this.complain('the floor went back', `${world.floor} to ${floor}`);
      if (floor > (updates.sequence(slot) ?? 0)) this.complain('the floor is above what runs', `${floor}`);
    }
    const versions = new Set(slotsOf(scenario).map((slot) => this.stepOf(running.get(slot)?.digest)));
    if (versions.size > 1) this.complain('a release in pieces', [...versions].join());
  }

  /** The retained message, until the device says how it ended. */
  private async bring(wanted: Step): Promise<boolean> {
    const { updates, world, scenario } = this;
    if (wanted.trust !== undefined && !(await this.entrust(wanted.trust))) return false;
    updates.desired(wanted.component, wanted.envelope);
    if (!(await this.settled(updates.idle()))) return false;
    const index = wanted === scenario.proof ? scenario.steps.length : scenario.steps.indexOf(wanted);
    const ending = world.endings[index];
    if (world.reports[index] !== ending) this.complain('a report was lost', ending);
    if (ending === 'active') {
      for (const [slot, bytes] of wanted.modules) {
        if (this.target.running.get(slot)?.digest !== digestOf(bytes))
          this.complain('active, but not running');
      }
      return true;
    }
    // As many stops as there are starts may cost even a good module all of them; fewer may not.
    const hasStarts = this.stops < PROBATION_STARTS;
    if (ending === 'rolled-back' && !(wanted === scenario.proof && hasStarts)) return true;
    this.complain('a deployment comes to no end', ending ?? 'none');
    return false;
  }

  /** The sender of a trust document sends it until the device says that it is in force. */
  private async entrust({ documents, version }: NonNullable<Step['trust']>): Promise<boolean> {
    const { updates, world } = this;
    if (!(await this.settled(updates.trust.update(documents).then(() => {})))) return false;
    if (updates.trust.current()?.version !== version) this.complain('a trust document is not taken');
    if (world.trust < version) {
      this.hear('trust', () => {
        world.trust = version;
        // It lets slots start anew.
        world.floor = 0;
      });
    }
    return true;
  }

  private tried(module: CheckedModule): void {
    const { world } = this;
    const index = this.stepOf(module.digest);
    const count = (world.starts[module.digest] ?? 0) + 1;
    world.starts[module.digest] = count;
    if (digestOf(module.bytes) !== module.digest) this.complain('unverified bytes');
    if (index === -1) this.complain('a module that nobody desired');
    if (count > PROBATION_STARTS) this.complain('too many starts', `${count}`);
    if (world.endings[index] === 'rolled-back') this.complain('a module is tried that was taken back');
  }

  private told({ deployment, state, floor, reason }: UpdateStatus): void {
    const { world, scenario } = this;
    world.floor = Math.max(world.floor, floor);
    if (!['active', 'rolled-back', 'failed', 'rejected', 'cancelled'].includes(state)) return;
    const index = [...scenario.steps, scenario.proof].findIndex((each) => each.deployment === deployment);
    const before = world.endings[index];
    if (before !== undefined && before !== state) this.complain('an answer changed', `${before} to ${state}`);
    if (state !== 'active' && state !== 'rolled-back')
      this.complain('an end without a reason', `${state} ${reason?.code}`);
    world.endings[index] = state;
  }

  private reported(bytes: Uint8Array): void {
    const { manifestDigest, state } = readReport(bytes, deviceKey);
    const deployment = Buffer.from(manifestDigest).toString('hex');
    const { steps, proof } = this.scenario;
    const index = [...steps, proof].findIndex((each) => each.deployment === deployment);
    if (state !== 'active' && state !== 'rolled-back') this.complain('a report of something else', state);
    this.world.reports[index] = state;
  }

  private hear(what: string, told: () => void): void {
    if (this.disk.dead) return;
    this.watch(what);
    told();
    this.watch(what);
  }

  private die(): void {
    this.disk.dead = true;
    this.world.deaths += 1;
    if (this.world.deaths > MAX_DEATHS) this.complain('it stops the host for ever', `${this.world.deaths}`);
  }

  /** Lets time pass until `promise` is done; false when the host died or waits for nothing that could come. */
  private async settled(promise: Promise<void>): Promise<boolean> {
    let state: 'waiting' | 'done' | 'failed' = 'waiting';
    promise.then(
      () => {
        state = 'done';
      },
      () => {
        state = 'failed';
      },
    );
    for (let waits = 0; waits < MAX_WAITS; waits++) {
      // All that is asked of this machine is answered at once, so that one turn is enough for all of it.
      await new Promise(setImmediate);
      if (this.disk.dead) return false;
      if (state !== 'waiting') {
        await promise;
        return true;
      }
      if (!this.clock.next()) break;
    }
    this.complain('it hangs');
    return false;
  }

  private stepOf(digest: string | undefined): number {
    const { steps, proof } = this.scenario;
    return [...steps, proof].findIndex((each) => digest !== undefined && digestsOf(each).includes(digest));
  }
}

/** A host in memory that says what it is told to try; `crash-…` modules end it as soon as they run. */
class Witness extends MemoryTarget {
  constructor(
    private readonly tried: (module: CheckedModule) => void,
    private readonly die: () => void,
  ) {
    super();
  }

  override async prepare(slot: string, module: CheckedModule): Promise<Candidate> {
    this.tried(module);
    const candidate = await super.prepare(slot, module);
    if (!module.name.startsWith('crash')) return candidate;
    const activate = () => {
      this.die();
      return new Promise<never>(() => {});
    };
    return { ...candidate, activate };
  }
}

function slotsOf({ steps }: Scenario): string[] {
  return [...new Set(steps.flatMap(({ modules }) => [...modules.keys()]))];
}
