/**
 * Errors that a person can mend, apart from faults of the program.
 * @module
 */

/** What was expected, what was found, where, and what to do; printed as its message alone, a fault with its stack. */
export class UserError extends Error {
  /** An error with that message; `options` may hold its cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
