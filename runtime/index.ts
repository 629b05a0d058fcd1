/**
 * iot-host as a library: what the command line and the demo are made of.
 * Importing it loads no native code; that happens when a provider that needs it is configured.
 */
import type { Instance } from './engine/engine.js';

export type { Board } from './base/board.js';
export { nameLines } from './base/board-lines.js';
export { decodePayload, encodePayload } from './base/codec.js';
export { type LoadedConfig, loadConfig, parseConfig } from './base/config/load.js';
export type { BindingConfig, HostConfig, ProviderConfig, SlotConfig } from './base/config/schema.js';
export {
  type Contract,
  defineContract,
  type Implementation,
  type Operation,
  operation,
  type Provider,
  type ProviderEnv,
  type Session,
} from './base/contract.js';
export { type ErrorRecord, IotError } from './base/errors.js';
export type { Logger, LogLevel } from './base/logger.js';
export { createLogger } from './base/pino-logger.js';
export { REASONS, type ReasonCode } from './base/reasons.js';
export { VERSION } from './base/version.js';
export { boardOf, chooseBoard, deviceTree, recogniseBoard } from './compose/board.js';
export { listBoards, loadBoard } from './compose/board-data.js';
export { type ConfigProblem, checkConfig } from './compose/check.js';
export { clockTrust } from './compose/clock.js';
export { createHost, type Device, type DeviceOptions } from './compose/device.js';
export { invokePlain } from './compose/plain.js';
export {
  configuredUses,
  type Use,
  type UsedProvider,
  usedProviders,
  usesByProvider,
} from './compose/uses.js';
export { type Artifact, moduleArtifact } from './control/client/deploy/artifact.js';
export { deploy } from './control/client/deploy/deploy.js';
export type { DeployOptions } from './control/client/deploy/options.js';
export { DeviceClient, type DeviceClientOptions } from './control/client/device-client.js';
export type { PushOutcome } from './control/client/outcome.js';
export { type PushOptions, type PushProgress, push } from './control/client/push.js';
export type * from './control/protocol/messages.js';
export type { CallResult, Engine, EngineLimits, GuestHost, PlainInstance } from './engine/engine.js';
export { createWasm3Engine, loadEngineModule } from './engine/wasm3/index.js';
export { Host } from './host/host.js';
export { type ChipInfo, listChips } from './providers/iot-gpio/chardev/chips.js';
export { SimulatedGpio } from './providers/iot-gpio/sim.js';
export { isUsb, type UsbPort, usbPorts } from './providers/iot-serial/serialport/usb.js';
export { type Signer, signerFromSeed } from './trust/cose/signer.js';
export { createTrustDocument } from './trust/document/document.js';
export { signTrustDocument } from './trust/document/signed.js';
export { generateKey, KeyPair } from './trust/nkeys/index.js';
export { type ModuleClaims, signModule, verifyModule } from './trust/wascap/index.js';

/** One loaded actor: `start`, then `call` for each message, then dispose. */
export type Actor = Instance;
