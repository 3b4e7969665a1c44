/**
 * Probes the untrained encoders of a run in a process of its own, which kills itself before a file of a
 * probing, or a step's record, gets its name: `runs folder, run, number`, the number counting such files from 1. Prints
 * the files that got their names before.
 * @module
 */
import { probe } from "@lib/study/probing_steps.ts";
import { openStudy } from "@lib/study/study.ts";
import { corpusOf } from "@lib/study/training_steps.ts";
import { onNaming } from "./naming.ts";

if (import.meta.main) {
  const [runs, name, number] = Deno.args, study = openStudy({ name, runs }), corpus = await corpusOf(study);
  let named = 0;
  onNaming((path) => {
    if (!/\/(probes|steps)\//.test(path)) return;
    if (++named === Number(number)) Deno.kill(Deno.pid, "SIGKILL");
    console.log(path);
  });
  await probe(study, corpus, "untrained");
  Deno.exit(0);
}
