import { collectGarbageInSmallSteps } from './garbage-collection.ts';

// First: to load the rest is enough to make it large.
collectGarbageInSmallSteps([process.env['NODE_OPTIONS'], ...process.execArgv]);
await import('./command-line.ts');
