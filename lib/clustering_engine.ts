export function kMeansOnEngine(..._: unknown[]): any {}
