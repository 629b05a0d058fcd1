import type { Advertisement, Scan } from './contract.js';
import type { Advert } from './radio.js';
import type { Clock } from './timing.js';

/** Peripherals that one scan remembers to have told. Many change their address every few minutes. */
const MAX_TOLD = 1024;

/** What one actor listens for. */
export class ActorScan {
  readonly #told = new Set<string>();
  readonly #cancel: (() => void) | undefined;
  /** By the clock. */
  readonly #end: number | undefined;

  constructor(
    readonly wish: Scan,
    private readonly clock: Clock,
    onEnd: () => void,
  ) {
    const { durationMs } = wish;
    if (durationMs === undefined) return;
    this.#end = clock.now() + durationMs;
    this.#cancel = clock.after(durationMs, onEnd);
  }

  /** Milliseconds left; `undefined` for one that goes on. */
  left(): number | undefined {
    return this.#end === undefined ? undefined : Math.max(1, Math.round(this.#end - this.clock.now()));
  }

  end(): void {
    this.#cancel?.();
  }

  /** Whether the actor is to hear of it. `granted`: the services that its grant is limited to. */
  lets(advert: Advert, granted: readonly string[] | undefined): boolean {
    if (!offers(advert, granted) || !offers(advert, this.wish.services)) return false;
    if (this.wish.duplicates) return true;
    if (this.#told.has(advert.id)) return false;
    const [oldest] = this.#told;
    if (this.#told.size >= MAX_TOLD && oldest !== undefined) this.#told.delete(oldest);
    this.#told.add(advert.id);
    return true;
  }
}

function offers({ services, serviceData }: Advert, wanted: readonly string[] | undefined): boolean {
  if (wanted === undefined || wanted.length === 0) return true;
  return (
    services.some((uuid) => wanted.includes(uuid)) || serviceData.some(({ uuid }) => wanted.includes(uuid))
  );
}

/** The message for the actor: what is empty is left out. */
export function advertisement(advert: Advert): Advertisement {
  const { id, address, name, rssi, manufacturerData, serviceData, services } = advert;
  return {
    ...{ id, address, rssi },
    name: name === '' ? undefined : name,
    manufacturerData: manufacturerData?.length === 0 ? undefined : manufacturerData,
    serviceData: serviceData.length === 0 ? undefined : serviceData,
    services: services.length === 0 ? undefined : services,
  };
}
