export type { HashForm, ModuleClaims } from './claims.js';
export {
  type InspectedCode,
  type InspectedToken,
  inspectModule,
  type ModuleInspection,
} from './inspect-module.js';
export { moduleHashes, stripTokens } from './module-hash.js';
export { callAliasOf, type SignOptions, signModule } from './sign-module.js';
export { isSigned, readToken } from './token-section.js';
export { requireIssuer, type VerifyOptions, verifyModule } from './verify-module.js';
