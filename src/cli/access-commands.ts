import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../base/units.ts';
import { type RevocationKind, revocationKinds } from '../policy/limits/revocations.ts';
import { listRevocations, listSessions, revokeAccess, type RevokeFlags } from './access.ts';
import { withRunningEdge } from './place.ts';

const revokeHelp = `
What to revoke; without anything the command says what is revoked:
  key K2JCJMDEHXQW5F     everything that was signed with this key
  grant dVwB…            one grant, whoever shows it: logs and "streamfront sessions" have its id
  address 192.0.2.7      an address; of IPv6 its whole /64
  session 3fa9c1-7       one viewing, and the same grant at the same address for the same stream from then on

Examples:
  $ streamfront revoke session 3fa9c1-7 --for 10m
  $ streamfront revoke address 192.0.2.7 --undo
`;

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('Write a number and s, m, h or d, such as 2h.');
  return ms;
}

/** `streamfront sessions` and `streamfront revoke`. */
export function addAccessCommands(program: Command): void {
  withRunningEdge(
    program
      .command('sessions')
      .description(
        'say who watches and publishes at the running edge: RTMP and FLV, and HLS where limits or grants are',
      )
      .option('--json', 'for programs'),
  ).action((flags: { json?: boolean }) => listSessions(flags));
  withRunningEdge(
    program
      .command('revoke')
      .summary('send viewers away: what they have running ends at once')
      .description(
        'Revokes access at the running edge. When the command returns, running connections and answers have been ended, ' +
          'and whoever comes again is refused, also after a restart of the edge.',
      )
      .addArgument(new Argument('[kind]', 'what is revoked').choices(revocationKinds))
      .argument('[id]', 'which one (see below)')
      .addOption(new Option('--for <duration>', 'only for so long, such as 2h').argParser(duration).conflicts('undo'))
      .option('--undo', 'take a revocation back')
      .addHelpText('after', revokeHelp),
  ).action(async (kind: RevocationKind | undefined, id: string | undefined, flags: RevokeFlags, command: Command) => {
    if (kind === undefined) return listRevocations(flags);
    if (id === undefined) return command.error(`error: which ${kind} is to be revoked?`);
    return revokeAccess(kind, id, flags);
  });
}
