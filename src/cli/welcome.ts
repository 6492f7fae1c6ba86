import { hostForPeople } from '../base/own-address.ts';

/** What a newcomer reads after `npm start`: where to look, what to try, where things lie. */
export interface WelcomeFacts {
  /** Where viewers come, if the edge runs here. */
  readonly edge: { host: string; port: number } | undefined;
  /** Where encoders publish: the edge's listener if it runs here, else the origin's. */
  readonly rtmp: { host: string; port: number } | undefined;
  /** Whether an encoder on this machine needs a stream key. */
  readonly keyNeeded: boolean;
  readonly demoFile: string;
  /** Folder of files to be played, if the origin runs here; `app`: by which of the edge's applications, if it runs here. */
  readonly library: { folder: string; app: string | undefined } | undefined;
  readonly dataFolder: string;
}

/** Quoted for a POSIX shell where that is needed. */
function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function welcome(facts: WelcomeFacts): string {
  const lines: string[] = ['', 'StreamFront is running.', ''];
  const row = (label: string, text: string) => lines.push(`  ${label.padEnd(8)}${text}`);
  if (facts.edge !== undefined) row('Watch', `http://${hostForPeople(facts.edge.host)}:${facts.edge.port}/`);
  if (facts.rtmp !== undefined) {
    const server = `rtmp://${hostForPeople(facts.rtmp.host)}:${facts.rtmp.port}/live`;
    const streamKey = facts.keyNeeded ? 'hello?key=YOUR-STREAM-KEY' : 'hello';
    row(
      'ffmpeg',
      `ffmpeg -re -stream_loop -1 -i ${shellWord(facts.demoFile)} -c copy -f flv ${shellWord(`${server}/${streamKey}`)}`,
    );
    row('OBS', `Settings → Stream → Service: Custom…   Server: ${server}   Stream Key: ${streamKey}`);
    row('', 'Settings → Output → Keyframe Interval: 2 s');
  }
  if (facts.library !== undefined) {
    const { app, folder } = facts.library;
    row('Files', folder);
    if (app !== undefined && facts.rtmp !== undefined) {
      const server = `rtmp://${hostForPeople(facts.rtmp.host)}:${facts.rtmp.port}/${app}`;
      row('', `dir/film.mp4 there plays as ${server}/dir/film.mp4`);
    }
  }
  row('Data', facts.dataFolder);
  lines.push('', 'Ctrl-C ends it.', '');
  return lines.join('\n');
}
