import { vi } from 'vitest';

/** What a command writes to a terminal. */
export async function writtenBy(
  command: () => void | Promise<void>,
): Promise<{ readonly standardOutput: string; readonly standardError: string }> {
  const written = { out: '', error: '' };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.out += String(text);
    return true;
  });
  const error = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.error += String(text);
    return true;
  });
  try {
    await command();
  } finally {
    out.mockRestore();
    error.mockRestore();
  }
  return { standardOutput: written.out, standardError: written.error };
}
