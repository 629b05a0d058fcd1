import { blink } from './blink';

export { __guest_call } from '../../sdk/assemblyscript/assembly';

// Twice a second changes the lamp.
blink(1, 500);
