import { blink } from './blink';

export { __guest_call } from '../../sdk/assemblyscript/assembly';

// Four times as fast, so that a swap is seen.
blink(2, 125);
