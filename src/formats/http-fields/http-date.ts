/**
 * HTTP-date (RFC 9110 §5.6.7), strictly: what is none of the three forms is no date. `Date.parse` is not used: it
 * takes far more than the grammar, and differently on every engine.
 */

const shortDays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const shortDay = shortDays.join('|');
const longDay = 'Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday';
const month = months.join('|');
const time = '(\\d{2}):(\\d{2}):(\\d{2})';
const imfFixdate = new RegExp(`^(?:${shortDay}), (\\d{2}) (${month}) (\\d{4}) ${time} GMT$`);
const rfc850Date = new RegExp(`^(?:${longDay}), (\\d{2})-(${month})-(\\d{2}) ${time} GMT$`);
const asctimeDate = new RegExp(`^(?:${shortDay}) (${month}) ([ \\d]\\d) ${time} (\\d{4})$`);

const dayMs = 86_400_000;

/**
 * Milliseconds since 1970, or `undefined` if the text is no HTTP-date. `nowMs` (wall clock) decides the century of
 * the two-digit years of RFC 850: none lies more than 50 years ahead.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const imf = imfFixdate.exec(text);
  if (imf !== null) return fromParts(Number(imf[3]), imf[2], imf[1], imf[4], imf[5], imf[6]);
  const asctime = asctimeDate.exec(text);
  if (asctime !== null)
    return fromParts(Number(asctime[6]), asctime[1], asctime[2], asctime[3], asctime[4], asctime[5]);
  const rfc850 = rfc850Date.exec(text);
  if (rfc850 === null) return undefined;
  const thisYear = yearOf(nowMs);
  let year = thisYear - (thisYear % 100) + Number(rfc850[3]);
  if (year > thisYear + 50) year -= 100;
  return fromParts(year, rfc850[2], rfc850[1], rfc850[4], rfc850[5], rfc850[6]);
}

function fromParts(
  year: number,
  monthName: string | undefined,
  ...[dayText, hourText, minuteText, secondText]: (string | undefined)[]
): number | undefined {
  const monthIndex = months.indexOf(monthName ?? '');
  const [day, hour, minute, second] = [Number(dayText), Number(hourText), Number(minuteText), Number(secondText)];
  // A leap second is in the grammar (§5.6.7: second = 2DIGIT, up to 60).
  if (day < 1 || day > daysInMonth(year, monthIndex) || hour > 23 || minute > 59 || second > 60) return undefined;
  return daysSinceEpoch(year, monthIndex, day) * dayMs + ((hour * 60 + minute) * 60 + second) * 1_000;
}

/** IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`. For years 0 to 9999. */
export function formatHttpDate(ms: number): string {
  const days = Math.floor(ms / dayMs);
  const secondOfDay = Math.floor((ms - days * dayMs) / 1_000);
  const { year, monthIndex, day } = civilDate(days);
  const weekday = shortDays[(((days + 4) % 7) + 7) % 7] ?? '';
  const clock = [Math.floor(secondOfDay / 3_600), Math.floor(secondOfDay / 60) % 60, secondOfDay % 60].map(twoDigits);
  return `${weekday}, ${twoDigits(day)} ${months[monthIndex] ?? ''} ${String(year).padStart(4, '0')} ${clock.join(':')} GMT`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

function daysInMonth(year: number, monthIndex: number): number {
  if (monthIndex === 1) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [3, 5, 8, 10].includes(monthIndex) ? 30 : 31;
}

/*
 * Days and dates of the proleptic Gregorian calendar. Years are counted from March, so that the leap day is the last
 * of its year, and in eras of 400 years, which all have 146,097 days; day 0 of era 0 is 0000-03-01, 719,468 days
 * before 1970-01-01.
 */

function daysSinceEpoch(year: number, monthIndex: number, day: number): number {
  const marchYear = monthIndex < 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((monthIndex + 10) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilDate(days: number): { year: number; monthIndex: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const monthIndex = (marchMonth + 2) % 12;
  return {
    year: yearOfEra + era * 400 + (monthIndex < 2 ? 1 : 0),
    monthIndex,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

function yearOf(ms: number): number {
  return civilDate(Math.floor(ms / dayMs)).year;
}
