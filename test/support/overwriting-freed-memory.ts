import { overwriteFreedMemory } from '../../src/base/freed-memory.ts';

// Loaded before everything else: whoever reads memory that has gone back finds this in it, and no media.
overwriteFreedMemory(0xdb);
