import type { Command } from 'commander';
import type { CommandSpec } from '../command.js';
import type { Context } from '../context.js';
import type { AddFlags } from '../device/devices.js';
import { parseDuration } from '../duration.js';
import { collect } from '../list-option.js';

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
