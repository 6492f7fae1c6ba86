import { readFileSync, writeFileSync } from 'node:fs';
import { withConfigurationTable } from '../src/cli/config-reference.ts';

/** `npm run docs:config`: writes the table of settings, as the schema has it, into the document that holds it. */
const document = new URL('../README.md', import.meta.url);
writeFileSync(document, withConfigurationTable(readFileSync(document, 'utf8')));
