import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { threadVariables } from "@lib/base/machine.ts";
import { projectRoot } from "@lib/base/project.ts";
import { stream } from "@lib/base/random.ts";
import { inProcess } from "../../support/process.ts";
import { type Blow, runStudy, withRuns } from "../../support/study_process.ts";
import { differentFiles, studyResult } from "../../support/study_result.ts";

const folderOf = (run: string): string => `${projectRoot}/data/runs/${run}`;

/** Choices by which a study takes seconds. */
const tiny = {
  training: { seeds: 2, steps: 4, validateEvery: 2, precision: "float32" },
  probing: { draws: 1, bootstraps: 5, clusters: 3, poolings: ["bar"], untrainedSeeds: 1 },
};
const variables = (songs: string, changes: object = tiny) => (
  { NO_COLOR: "1", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(changes) }
);

/** A notebook's calls, in a process of their own. */
const stepByStep = `
  const { openStudy } = await import(${JSON.stringify(import.meta.resolve("@lib/study/study.ts"))});
  const { corpusOf, otherCorpusOf, train } = await import(${
  JSON.stringify(import.meta.resolve("@lib/study/training_steps.ts"))
});
  const { probe, probeBaselines } = await import(${JSON.stringify(import.meta.resolve("@lib/study/probing_steps.ts"))});
  const study = openStudy(), corpus = await corpusOf(study);
  await otherCorpusOf(study);
  await train(study, corpus, "BERT-neighbor");
  await probeBaselines(study, corpus);
  await probe(study, corpus, "untrained");
  await probe(study, corpus, "BERT-neighbor");
  Deno.exit(0);`;

Deno.test("a study killed and stopped at random moments, two jobs at a time, equals one of a notebook's calls", () =>
  withRuns(async (songs, run) => {
    const [whole, killed] = ["whole", "killed"].map(run);
    const { code, err } = await inProcess(stepByStep, {
      ...variables(songs),
      ...threadVariables(1),
      STUDY: whole,
    });
    assertEquals([code, code === 0 ? "" : err], [0, ""]);
    const args = ["study", "--run", killed, "--models", "neighbor", "--jobs", "2", "--threads", "1"];
    const random = stream(3, "blows"), wait = () => 1500 * random.uniform();
    const blows: Blow[] = [
      { after: 4, wait: wait(), victim: "all", signal: "SIGKILL" },
      { after: 2, wait: wait(), victim: "jobs", signal: "SIGKILL" },
      { after: 1, wait: wait(), victim: "queue", signal: "SIGKILL" },
      { after: 1, wait: wait(), victim: "queue", signal: "SIGINT" },
    ];
    const codes: number[] = [];
    for (const blow of blows) codes.push((await runStudy(args, variables(songs), blow)).code);
    const last = await runStudy(args, variables(songs));
    assertEquals(last.code, 0, last.text);
    assertMatch(last.text, /9 of 9 jobs done/);
    assertEquals(codes.slice(0, 1), [137]);
    const [a, b] = [whole, killed].map((name) => studyResult(folderOf(name)));
    assert(Object.keys(a).filter((path) => path.endsWith("model.safetensors")).length === 2, Object.keys(a).join());
    assertEquals(differentFiles(a, b), []);
    const record = JSON.parse(await Deno.readTextFile(`${folderOf(killed)}/steps/train-BERT-neighbor.json`));
    assertEquals([record.machine.threads, record.info.threads], [1, [1]]);
    const again = await runStudy(args, variables(songs));
    assertEquals([again.code, /running/.test(again.text)], [0, false]);
  }));

Deno.test("a job that fails is told with the end of its log, what it keeps back is told, the others go on", () =>
  withRuns(async (songs, run) => {
    const name = run("fails");
    const changes = {
      ...tiny,
      training: { ...tiny.training, seeds: 1, learningRate: 1e9, explosion: 1.01, warmupSteps: 1 },
    };
    const args = ["study", "--run", name, "--models", "bert", "--jobs", "2"];
    const { code, text } = await runStudy(args, variables(songs, changes));
    assertEquals(code, 1, text);
    const log = `${folderOf(name)}/log/train-BERT.log`;
    assertStringIncludes(text, "FAILED train-BERT");
    assertStringIncludes(text, `The end of ${log}`);
    assertMatch(text, / {2}BERT, step \d: .*learningRate/);
    assertMatch(text, /blocked +probe-BERT\n/);
    assertMatch(text, /done +probe-guesses after/);
    assertMatch(text, /5 of 7 jobs done/);
    assertStringIncludes(await Deno.readTextFile(log), "job train-BERT --run");
    assert(exists(`${folderOf(name)}/steps/probe-untrained.json`));
  }));
