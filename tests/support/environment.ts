/** Variables of the environment for one check. @module */

/** Runs a check with variables set, or unset where undefined, and puts back what was there; returns its result. */
export function withEnvironment<T>(variables: Record<string, string | undefined>, check: () => T): T {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  const put = ([name, value]: readonly [string, string | undefined]) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    Object.entries(variables).forEach(put);
    return check();
  } finally {
    before.forEach(put);
  }
}
