/**
 * A function that does its work once for the same arguments, and gives the same result to all who ask: they must leave it as
 * it is. What has failed is done anew.
 */
export function eachOnce<Arguments extends readonly (string | readonly string[])[], Result>(
  work: (...args: Arguments) => Promise<Result>,
): (...args: Arguments) => Promise<Result> {
  const results = new Map<string, Promise<Result>>();
  return (...args) => {
    const what = JSON.stringify(args);
    let result = results.get(what);
    if (result === undefined) {
      result = work(...args);
      result.catch(() => results.delete(what));
      results.set(what, result);
    }
    return result;
  };
}
