/** Watches the files that get their names, once they are written under temporary ones. @module */

/** Calls `tell` with the path of each file before it gets its name; if that throws, the file does not. Undone by the result. */
export function onNaming(tell: (path: string) => void): () => void {
  const { rename, renameSync } = Deno;
  Deno.rename = (from, to) => {
    tell(String(to));
    return rename(from, to);
  };
  Deno.renameSync = (from, to) => {
    tell(String(to));
    renameSync(from, to);
  };
  return () => Object.assign(Deno, { rename, renameSync });
}
