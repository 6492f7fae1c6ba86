import { keepPausesShort } from './short-pauses.ts';

// First: to load the rest is enough to make V8's young generation large.
keepPausesShort([process.env['NODE_OPTIONS'], ...process.execArgv]);
await import('./command-line.ts');
