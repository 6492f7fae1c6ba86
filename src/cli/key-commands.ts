import { type Command, InvalidArgumentError, Option } from 'commander';
import { groupName, keyId } from '../stores/keys/key-store.ts';
import { keyTypes } from '../stores/keys/key-changes.ts';
import { createKeyIn, importKeyInto, type KeysFlags, listKeys, revoke, rotateKeysOf } from './keys.ts';
import { sign, type SignFlags, signHelp } from './sign.ts';

function group(text: string): string {
  if (!groupName.test(text)) throw new InvalidArgumentError('A key group is named by letters, digits and hyphens.');
  return text;
}

function id(text: string): string {
  if (!keyId.test(text)) {
    throw new InvalidArgumentError('A key id has letters, digits, hyphens and underscores, such as K2JCJMDEHXQW5F.');
  }
  return text;
}

function withPlace(command: Command): Command {
  return command
    .option('--data <folder>', 'data folder with the keys (default: as the configuration says, else data)')
    .option('--config <file>', 'configuration file (default: streamfront.yaml, if it is there)');
}

const groupOption = () => new Option('--group <name>', 'key group').argParser(group).default('viewers');

/** `streamfront keys …` and `streamfront sign`. */
export function addKeyCommands(program: Command): void {
  const keys = program
    .command('keys')
    .summary('make, list, replace and revoke the keys that signed URLs and cookies are verified with')
    .description(
      'Keys that signed URLs and cookies are verified with. They lie in the data folder, in key groups, which behaviours ' +
        'name as trustedKeyGroups. Running edges follow within a second. See docs/access.md.',
    );
  withPlace(
    keys
      .command('create')
      .description('make a key')
      .addOption(groupOption())
      .addOption(
        new Option('--type <type>', 'RSA with 2048 bits, or ECDSA P-256, whose signatures are short')
          .choices(keyTypes)
          .default('rsa'),
      ),
  ).action((flags: KeysFlags & { type: (typeof keyTypes)[number] }) => createKeyIn(flags));
  withPlace(
    keys
      .command('import')
      .description('take in a public key that was made elsewhere, whose owner signs')
      .argument('<file>', 'PEM file with the public key')
      .addOption(groupOption())
      .addOption(new Option('--id <id>', 'the id that its grants name (default: a new one)').argParser(id)),
  ).action((file: string, flags: KeysFlags & { id?: string }) => importKeyInto(file, flags));
  withPlace(keys.command('list').description('say which keys there are, and which one signs')).action(
    (flags: Omit<KeysFlags, 'group'>) => listKeys(flags),
  );
  withPlace(
    keys
      .command('rotate')
      .description(
        'make a new key that signs from now on; what the old one has signed stays good until that is revoked',
      )
      .addOption(groupOption()),
  ).action((flags: KeysFlags) => rotateKeysOf(flags));
  withPlace(
    keys
      .command('revoke')
      .description('take a key away for good: what it has signed opens nothing any more')
      .argument('<id>', 'the key'),
  ).action((which: string, flags: Omit<KeysFlags, 'group'>) => revoke(which, flags));

  withPlace(
    program
      .command('sign')
      .summary('sign a URL, or cookies, that let somebody in for a time')
      .description(
        'Writes a signed URL, or cookies, that let whoever has them in for a time, as those of CloudFront do.',
      )
      .argument('[url]', 'http://…, https://…, ws://…, wss://…, rtmp://… or rtmps://…')
      .option('--expires <time>', 'until when it is good (default: 1h)')
      .option('--not-before <time>', 'from when on it is good (default: at once)')
      .option('--ip <addresses>', 'for viewers of these IPv4 addresses only, such as 192.0.2.0/24')
      .option('--resource <pattern>', 'what it is good for, with * for any characters (default: this URL alone)')
      .option('--policy <file>', 'JSON file with a custom policy, in place of the options above')
      .option('--cookies', 'cookies, as the value of a Cookie field, in place of a URL')
      .addOption(new Option('--key <id>', 'key to sign with (default: the newest)').argParser(id))
      .addOption(new Option('--group <name>', 'key group to sign for, where there are several').argParser(group))
      .addOption(new Option('--hash <hash>', 'hash of the signature').choices(['sha1', 'sha256']).default('sha256')),
  )
    .addHelpText('after', signHelp)
    .action((url: string | undefined, flags: SignFlags) => sign(url, flags));
}
