import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { StreamFrontError } from '../base/errors.ts';
import { addAccessCommands } from './access-commands.ts';
import { check } from './check.ts';
import type { ConfigurationFlags } from './configuration.ts';
import { roles, type Role } from './configuration-schema.ts';
import { invalidate, type InvalidateFlags, invalidateHelp } from './invalidate.ts';
import { addKeyCommands } from './key-commands.ts';
import { withRunningEdge } from './place.ts';
import { programFile } from './program-files.ts';

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

function role(text: string, previous: readonly Role[] | undefined): Role[] {
  const named = text.split(',').map((word) => {
    const known = roles.find((candidate) => candidate === word.trim());
    if (known === undefined) throw new InvalidArgumentError(`A role is one of ${roles.join(', ')}.`);
    return known;
  });
  return [...(previous ?? []), ...named];
}

function withConfigurationFlags(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file (default: streamfront.yaml in this folder, if it is there)')
    .option('--data <folder>', 'folder for what outlives a restart (default: data)')
    .addOption(
      new Option('--role <role>', `run only this role: ${roles.join(' or ')}; may be repeated`).argParser(role),
    )
    .option('--http-port <port>', 'port where viewers come (edge)', port)
    .option(
      '--rtmp-port <port>',
      'port where encoders publish and RTMP players come (edge; origin where no edge runs)',
      port,
    )
    .option('--origin-rtmp-port <port>', 'port where edges publish and play (origin)', port)
    .option('--origin-http-port <port>', 'port where edges fetch (origin)', port)
    .option('--control-port <port>', 'port where commands such as "streamfront invalidate" reach the edge', port)
    .option('--demo', 'publish the demo clip as live/demo')
    .option('--no-demo', 'do not publish the demo clip');
}

/** `--demo` is three-valued: commander would make an absent `--no-demo` true. */
function flagsOf(command: Command): ConfigurationFlags {
  const { demo, ...flags } = command.opts<ConfigurationFlags>();
  return demo === undefined || command.getOptionValueSource('demo') === 'default' ? flags : { ...flags, demo };
}

function version(): string {
  const { version } = JSON.parse(readFileSync(programFile('package.json'), 'utf8')) as { version: string };
  return version;
}

const program = new Command('streamfront')
  .description('The CloudFront you can run yourself, with the RTMP distribution that AWS retired.')
  .version(version())
  .showHelpAfterError('(streamfront --help lists the commands and their options)');

withConfigurationFlags(program.command('start', { isDefault: true }).description('run the server (all roles)')).action(
  async (_options, command: Command) => {
    // The servers take most of a second to load: commands that need none do not wait for them.
    const { start } = await import('./start.ts');
    await start(flagsOf(command));
  },
);

withConfigurationFlags(
  program.command('check').description('say whether the configuration can stand, and what it means'),
).action(async (_options, command: Command) => {
  await check(flagsOf(command));
});

program
  .command('publish')
  .description('publish a media file (MP4, MOV, MKV or FLV with H.264 and AAC) to an RTMP server, in real time')
  .argument('<file>', 'the media file')
  .argument('<url>', 'where to, such as rtmp://localhost:1935/live/hello')
  .option('--loop', 'begin again at the end, until stopped')
  .action(async (file: string, url: string, options: { loop?: boolean }) => {
    const { publish } = await import('./publish.ts');
    await publish(file, url, options.loop ?? false);
  });

withRunningEdge(
  program
    .command('invalidate')
    .summary('take objects out of the cache of the running edge, before their time is over')
    .description(
      'Takes objects out of the cache of the running edge, before their time is over. When the command returns, nobody is ' +
        'given what was cached or requested from the origin before.',
    )
    .argument('<paths...>', 'what to invalidate (see below)')
    .option('--distribution <name>', 'whose objects; may be left out where there is only one distribution')
    .option('--wait', 'return only when the cache has let go of them all'),
)
  .addHelpText('after', invalidateHelp)
  .action((paths: string[], flags: InvalidateFlags) => invalidate(paths, flags));

addKeyCommands(program);
addAccessCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof StreamFrontError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
