import { type Attributes, attributesOf, quoted } from './parsed-playlist.ts';

const relative = /^(?!\/)(?![a-z]+:)\S+$/i;

/** What is wrong with a multivariant playlist (rfc8216bis §4.4.6), in words; nothing when all is well. */
export function validateMultivariantPlaylist(text: string): string[] {
  const findings: string[] = [];
  const report = (finding: string) => findings.push(finding);
  try {
    const lines = text.split('\n').filter((line) => line !== '');
    if (lines[0] !== '#EXTM3U') report('does not begin with #EXTM3U');
    if (lines.filter((line) => /^#EXT-X-VERSION:\d+$/.test(line)).length !== 1) report('has not one VERSION');
    const media = tagsOf(lines, 'EXT-X-MEDIA');
    checkRenditions(media, report);
    checkCaptions(media, tagsOf(lines, 'EXT-X-STREAM-INF'), report);
    const groups = new Set(media.map((rendition) => quoted(rendition, 'GROUP-ID')));
    lines.forEach((line, index) => {
      if (line.startsWith('#EXT-X-STREAM-INF:')) checkVariant(attributesOf(line), lines[index + 1], groups, report);
      else if (line.startsWith('#EXT-X-I-FRAME-STREAM-INF:')) checkIFrames(attributesOf(line), report);
      else if (!/^#EXT(?:M3U$|-X-(?:VERSION|MEDIA|SESSION-KEY|INDEPENDENT-SEGMENTS)(?::|$))/.test(line)) {
        if (line.startsWith('#')) report(`has ${line}, which is no tag of a multivariant playlist`);
        else if (!lines[index - 1]?.startsWith('#EXT-X-STREAM-INF:')) report(`${line} is no variant`);
      }
    });
    if (!lines.some((line) => line.startsWith('#EXT-X-STREAM-INF:'))) report('has no variant');
  } catch (error) {
    report(error instanceof Error ? error.message : String(error));
  }
  return findings;
}

function tagsOf(lines: readonly string[], name: string): Attributes[] {
  return lines.filter((line) => line.startsWith(`#${name}:`)).map(attributesOf);
}

type Report = (finding: string) => void;

function checkRenditions(media: readonly Attributes[], report: Report): void {
  const names = new Set<string>();
  const defaults = new Set<string>();
  for (const rendition of media) {
    const [group, name, uri] = ['GROUP-ID', 'NAME', 'URI'].map((attribute) => quoted(rendition, attribute) ?? '');
    if (!['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS'].includes(rendition.get('TYPE') ?? ''))
      report('MEDIA has no TYPE');
    if (group === '' || name === '') report('MEDIA has no GROUP-ID or no NAME');
    if (names.has(`${group} ${name}`)) report(`group ${group} has two renditions called ${name}`);
    names.add(`${group} ${name}`);
    if (rendition.get('DEFAULT') === 'YES') {
      if (defaults.has(group ?? '')) report(`group ${group} has two defaults`);
      defaults.add(group ?? '');
      if (rendition.get('AUTOSELECT') === 'NO') report(`${name} is the default and not to be selected`);
    }
    if (rendition.has('URI') && !relative.test(uri ?? '')) report(`${uri} is not relative`);
  }
}

/** rfc8216bis §4.4.6.1, §4.4.6.2. */
function checkCaptions(media: readonly Attributes[], variants: readonly Attributes[], report: Report): void {
  const captions = media.filter((rendition) => rendition.get('TYPE') === 'CLOSED-CAPTIONS');
  for (const rendition of media) {
    const channel = quoted(rendition, 'INSTREAM-ID');
    if (!captions.includes(rendition)) {
      if (channel !== undefined) report(`${rendition.get('TYPE')} has an INSTREAM-ID`);
    } else if (!/^(?:CC[1-4]|SERVICE(?:[1-9]|[1-5]\d|6[0-3]))$/.test(channel ?? '')) {
      report(`INSTREAM-ID is ${channel}`);
    } else if (rendition.has('URI')) report(`captions ${channel} have a URI`);
  }
  const said = variants.map((variant) => variant.get('CLOSED-CAPTIONS'));
  if (said.includes('NONE') && said.some((value) => value !== 'NONE')) report('NONE is not in all variants');
  const groups = new Set(captions.map((rendition) => rendition.get('GROUP-ID')));
  for (const value of said) {
    if (value !== undefined && value !== 'NONE' && !groups.has(value)) report(`there are no captions ${value}`);
  }
}

function checkBandwidth(variant: Attributes, report: Report): void {
  const [peak, average] = [variant.get('BANDWIDTH'), variant.get('AVERAGE-BANDWIDTH')];
  if (peak === undefined || !/^[1-9]\d*$/.test(peak)) report(`BANDWIDTH is ${peak}`);
  if (average !== undefined && !(Number(average) <= Number(peak)))
    report(`AVERAGE-BANDWIDTH ${average} is over ${peak}`);
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]*(?:,[A-Za-z0-9][A-Za-z0-9.-]*)*$/.test(quoted(variant, 'CODECS') ?? '')) {
    report(`CODECS is ${variant.get('CODECS')}`);
  }
  const resolution = variant.get('RESOLUTION');
  if (resolution !== undefined && !/^[1-9]\d*x[1-9]\d*$/.test(resolution)) report(`RESOLUTION is ${resolution}`);
}

function checkVariant(variant: Attributes, uri = '', groups: ReadonlySet<string | undefined>, report: Report): void {
  checkBandwidth(variant, report);
  if (uri.startsWith('#') || !relative.test(uri)) report(`a variant is followed by "${uri}"`);
  const rate = variant.get('FRAME-RATE');
  if (rate !== undefined && !(Number(rate) > 0)) report(`FRAME-RATE is ${rate}`);
  const group = quoted(variant, 'AUDIO');
  if (group !== undefined && !groups.has(group)) report(`there is no group ${group}`);
}

/** They have no rate, no sound and no URI on a line of its own (rfc8216bis §4.4.6.3). */
function checkIFrames(variant: Attributes, report: Report): void {
  checkBandwidth(variant, report);
  if (!relative.test(quoted(variant, 'URI') ?? '')) report(`I-frames are at "${variant.get('URI')}"`);
  for (const name of ['FRAME-RATE', 'AUDIO', 'SUBTITLES', 'CLOSED-CAPTIONS']) {
    if (variant.has(name)) report(`I-frames have ${name}`);
  }
}
