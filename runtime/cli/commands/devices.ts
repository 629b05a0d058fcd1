import type { Command } from 'commander';
import type { CommandSpec } from '../command.js';
import type { Context } from '../context.js';
import { chosenOptions } from '../device/chosen.js';
import type { AddFlags } from '../device/devices.js';
import type { FreshOptions } from '../device/fresh.js';
import { connectionOptions } from '../device/options.js';
import { parseDuration } from '../duration.js';
import { collect } from '../list-option.js';
import { parseInstant } from '../module/instant.js';

export const command: CommandSpec = {
  name: 'devices',
  summary: 'show, find and keep the devices that you work with',
  group: 'Devices:',
  build(command, context) {
    command
      .command('list', { isDefault: true })
      .description('show the devices of your devices.yaml')
      .action(
        context.action(async () => {
          const { listDevices } = await import('../device/devices.js');
          return listDevices(context.environment);
        }),
      );
    buildScan(command.command('scan'), context);
    buildAdd(command.command('add'), context);
    buildFresh(command.command('fresh'), context);
    buildNamed(command.command('rm'), 'forget a device', 'forget', context);
    buildNamed(
      command.command('default'),
      'the device that is meant when no other is named',
      'prefer',
      context,
    );
  },
};

function buildScan(command: Command, context: Context): void {
  command
    .description('ask the local network for devices (mDNS)')
    .option('--timeout <time>', 'how long they may take to answer', parseDuration, parseDuration('1500ms'))
    .addHelpText(
      'after',
      '\nIOT_HOST_MDNS is the IPv4 address of the only interface to ask on, or "off". Anybody can answer:' +
        '\nwhat a device may do is decided by its signatures, not by this list.',
    )
    .action(
      context.action(async ({ timeout }: { timeout: number }) => {
        const { scanDevices } = await import('../device/devices.js');
        return scanDevices(timeout, context);
      }),
    );
}

function buildAdd(command: Command, context: Context): void {
  command
    .description('write down where a device is found')
    .argument('<name>', 'name of the device')
    .requiredOption('--broker <url>', 'its broker, like mqtts://broker.example:8883')
    .option('--username <name>', 'user at the broker')
    .option('--password <reference>', 'password at the broker, by reference: secret://NAME')
    .option('--ca <file>', 'PEM file of the authority that the broker’s certificate comes from')
    .option('--label <k=v>', 'what --label finds it by; repeat it', collect, [])
    .action(
      context.action(async (name: string, flags: AddFlags) => {
        const { add } = await import('../device/devices.js');
        return add(name, flags, context.environment);
      }),
    );
}

function buildFresh(command: Command, context: Context): void {
  command
    .description('tell devices, signed, what is the newest for them and until when that holds')
    .option(
      '--for <time>',
      'how long they may hear nothing: 12h, 30d, 2w or a date',
      parseInstant,
      parseInstant('30d'),
    )
    .option('--key <key>', 'key of the role fresh that signs, by name or file', 'fresh');
  connectionOptions(chosenOptions(command), 'device to tell; several with commas')
    .addHelpText(
      'after',
      '\nFor a timer. A device that is told nothing for longer shows itself as stale, and works on.',
    )
    .action(
      context.action(async (options: FreshOptions) => {
        const { tellFresh } = await import('../device/fresh.js');
        return tellFresh(options, context);
      }),
    );
}

function buildNamed(
  command: Command,
  description: string,
  does: 'forget' | 'prefer',
  context: Context,
): void {
  command
    .description(description)
    .argument('<name>', 'name of the device')
    .action(
      context.action(async (name: string) => {
        const devices = await import('../device/devices.js');
        return devices[does](name, context.environment);
      }),
    );
}
