import { actorCommand } from '../device/actor-command.js';

export const command = actorCommand(
  'stop',
  'stop an actor; it stays stopped until it is started or pushed',
  'What it was granted stays its own. When the device starts again, the actor stays stopped.',
);
