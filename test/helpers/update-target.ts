import { IotError } from '#runtime/base/errors.js';
import type { Candidate, CheckedModule, Trial, UpdateTarget } from '#runtime/host/update.js';

export type Behaviour = 'good' | 'start' | 'activate' | 'trap' | 'hang' | 'unhealthy' | 'stuck' | 'full';

/** A host in memory: slots with a module each, and modules that behave as their name in the claims says. */
export class MemoryTarget implements UpdateTarget {
  /** Slot → module that runs in it. */
  readonly running = new Map<string, CheckedModule>();
  /** What was done, in order. */
  readonly log: string[] = [];
  readonly bound = new Set<string>();
  /** Slots with a module on trial. */
  readonly onTrial = new Set<string>();
  /** How a module behaves here. */
  behaviour: (module: CheckedModule) => Behaviour = behaviourOf;

  identity(slot: string): string | undefined {
    return this.running.get(slot)?.key;
  }

  ensureSlot(slot: string): void {
    this.log.push(`slot ${slot}`);
  }

  missingBindings(slot: string, capabilities: readonly string[]): string[] {
    return capabilities.filter((id) => !this.bound.has(id)).map((id) => `iot-host bind ${slot} ${id}`);
  }

  async fallBack(slot: string, module: CheckedModule): Promise<void> {
    if (this.onTrial.has(slot)) throw new IotError('E_BUSY', `actor ${slot} is being updated`);
    this.running.set(slot, module);
    this.log.push(`fall back ${module.name}`);
  }

  async clear(slot: string): Promise<void> {
    this.running.delete(slot);
  }

  async prepare(slot: string, module: CheckedModule): Promise<Candidate> {
    const behaviour = this.behaviour(module);
    this.log.push(`prepare ${module.name}`);
    if (behaviour === 'stuck') return new Promise(() => {});
    if (behaviour === 'full') throw new IotError('E_UNAVAILABLE', 'no cell is left');
    if (behaviour === 'start') throw new IotError('E_IMPORT', 'no such import');
    return {
      activate: async () => this.activate(slot, module),
      discard: async () => {
        this.log.push(`discard ${module.name}`);
      },
    };
  }

  private activate(slot: string, module: CheckedModule): Trial {
    const behaviour = this.behaviour(module);
    if (behaviour === 'activate') throw new IotError('E_TRAP', 'unreachable');
    const before = this.running.get(slot);
    this.running.set(slot, module);
    this.onTrial.add(slot);
    this.log.push(`activate ${module.name}`);
    const trap = new IotError('E_TRAP', 'unreachable');
    return {
      fault: behaviour === 'trap' ? Promise.resolve(trap) : new Promise(() => {}),
      handled: () => 0,
      checkHealth: async () => {
        if (behaviour === 'hang') throw new IotError('E_DEADLINE', 'no answer');
        if (behaviour === 'unhealthy') throw new IotError('E_GUEST', 'not well');
      },
      commit: async () => {
        this.onTrial.delete(slot);
        this.log.push(`commit ${module.name}`);
      },
      revert: async () => {
        this.onTrial.delete(slot);
        if (before === undefined) this.running.delete(slot);
        else this.running.set(slot, before);
        this.log.push(`revert ${module.name}`);
      },
    };
  }
}

function behaviourOf(module: CheckedModule): Behaviour {
  return (module.name.split('-')[0] ?? 'good') as Behaviour;
}
