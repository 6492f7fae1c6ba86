import { keepYoungGenerationSmall } from './young-generation.ts';

// First: to load the rest is enough to make it large.
keepYoungGenerationSmall([process.env['NODE_OPTIONS'], ...process.execArgv]);
await import('./command-line.ts');
