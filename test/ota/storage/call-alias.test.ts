import { describe, expect, it } from 'vitest';
import { stage } from '#runtime/ota/machine/transitions.js';
import { EMPTY_COMPONENT, EMPTY_STATE, moduleOf } from '#runtime/ota/storage/record.js';
import { decodeRecord, encodeRecord } from '#runtime/ota/storage/record-codec.js';
import { guestModule } from '../../helpers/guest.js';

const digest = 'ab'.repeat(32);

describe('the call alias of a pushed module', () => {
  it.each([['ponger'], [undefined]])('is what it was after a restart: %s', (callAlias) => {
    const module = guestModule(callAlias === undefined ? {} : { callAlias });
    const part = { slot: 'a', digest, size: module.bytes.length, uri: '', replaceIdentity: false };
    const deployment = { deployment: digest, component: 'a', sequence: 1, parts: [part], dwellMs: 0 };
    const component = stage(deployment, part, module, 0)(EMPTY_COMPONENT);
    const state = decodeRecord(encodeRecord({ ...EMPTY_STATE, components: { a: component } }));
    const { pending } = state?.components.a ?? {};
    expect(pending).toBeDefined();
    if (pending !== undefined) expect(moduleOf(pending, module.bytes).callAlias).toBe(callAlias);
  });
});
