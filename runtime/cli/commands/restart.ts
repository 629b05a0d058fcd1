import { actorCommand } from '../device/actor-command.js';

export const command = actorCommand('restart', 'start an actor afresh, with the same module');
