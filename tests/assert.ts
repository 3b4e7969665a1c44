/**
 * The part of jsr:@std/assert that the tests use, over node:assert, for machines that cannot reach JSR.
 * `tests/run.ts` maps `@std/assert` here only where the package itself cannot be had.
 * @module
 */
import assertModule from "node:assert";

type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** Throws unless `value` is truthy. */
export function assert(value: unknown, message?: string): asserts value {
  assertModule.ok(value, message!);
}

/** Throws unless the two are deeply equal, prototypes and types included. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  assertModule.deepStrictEqual(actual, expected, message!);
}

/** Throws if the two are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  assertModule.notDeepStrictEqual(actual, expected, message!);
}

/** Throws unless the two are the same by Object.is. */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  assertModule.strictEqual(actual, expected, message!);
}

/** Throws unless |actual − expected| ≤ tolerance (relative 1e-7 of `expected` if none is given). */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, message?: string): void {
  const bound = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (Object.is(actual, expected) || Math.abs(actual - expected) <= bound) return;
  throw new assertModule.AssertionError({
    message: message ?? `expected ${actual} to be within ${bound} of ${expected}`,
  });
}

/** Throws unless actual > expected. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  assertModule.ok(actual > expected, message ?? `expected ${actual} > ${expected}`);
}

/** Throws unless actual ≥ expected. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  assertModule.ok(actual >= expected, message ?? `expected ${actual} >= ${expected}`);
}

/** Throws unless actual < expected. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  assertModule.ok(actual < expected, message ?? `expected ${actual} < ${expected}`);
}

/** Throws unless actual ≤ expected. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  assertModule.ok(actual <= expected, message ?? `expected ${actual} <= ${expected}`);
}

/** Throws unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assertModule.match(actual, expected, message!);
}

/** Throws unless `actual` holds `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assertModule.ok(actual.includes(expected), message ?? `expected ${JSON.stringify(actual)} to hold "${expected}"`);
}

/** Throws if `actual` is null or undefined. */
export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T> {
  assertModule.ok(actual !== null && actual !== undefined, message ?? "expected a value, found none");
}

/** Throws unless `actual` is an instance of `expected`. */
export function assertInstanceOf<T>(
  actual: unknown,
  expected: abstract new (...args: never[]) => T,
  message?: string,
): asserts actual is T {
  assertModule.ok(actual instanceof expected, message ?? `expected an instance of ${expected.name}, found ${actual}`);
}

/** Throws at once, with a message. */
export function fail(message = "failed"): never {
  assertModule.fail(message);
}

function checkError<E extends Error>(error: unknown, type?: ErrorClass<E>, includes?: string): E {
  assertModule.ok(error instanceof Error, `expected an Error to be thrown, found ${error}`);
  if (type) assertModule.ok(error instanceof type, `expected ${type.name}, found ${error.name}: ${error.message}`);
  if (includes !== undefined) assertStringIncludes(error.message, includes);
  return error as E;
}

/** Throws unless `fn` throws an error of that class whose message holds that text; returns the error. */
export function assertThrows<E extends Error = Error>(fn: () => unknown, type?: ErrorClass<E>, includes?: string): E {
  let thrown: unknown;
  let returned = false;
  try {
    fn();
    returned = true;
  } catch (error) {
    thrown = error;
  }
  assertModule.ok(!returned, "expected an error to be thrown");
  return checkError(thrown, type, includes);
}

/** As assertThrows, for a promise. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  type?: ErrorClass<E>,
  includes?: string,
): Promise<E> {
  let thrown: unknown;
  let returned = false;
  try {
    await fn();
    returned = true;
  } catch (error) {
    thrown = error;
  }
  assertModule.ok(!returned, "expected the promise to reject");
  return checkError(thrown, type, includes);
}
