import { actorCommand } from '../device/actor-command.js';

export const command = actorCommand('start', 'start an actor that was stopped');
