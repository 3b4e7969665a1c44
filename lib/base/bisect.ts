/**
 * Binary search.
 * @module
 */

/**
 * The first of the places `from`…`to − 1` at which `reached` holds; `to` if it holds nowhere.
 *
 * @param reached false up to some place, true from there on
 */
export function bisect(from: number, to: number, reached: (place: number) => boolean): number {
  while (from < to) {
    const middle = from + ((to - from) >>> 1);
    if (reached(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
