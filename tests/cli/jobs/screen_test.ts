import { assertEquals } from "@std/assert";
import { inProcess } from "../../support/process.ts";

const child = `
  const { screen } = await import(${JSON.stringify(import.meta.resolve("@lib/cli/jobs/screen.ts"))});
  const jobs = ["a", "b", "c"].map((name) => ({ name, steps: () => [] }));
  const news = (_, { name }) => name === "a" ? "news of a" : undefined;
  const { onChange, end } = screen({ name: "run" }, jobs, { at: "2 at a time", lanes: 2 }, news);
  const at = (a, b, c) => onChange(new Map([["a", a], ["b", b], ["c", c]]));
  const [waiting, queued, running, done] = ["waiting", "queued", "running", "done"].map((state) => ({ state }));
  at(waiting, waiting, waiting);
  at(queued, waiting, waiting);
  at(running, waiting, waiting);
  at(done, waiting, waiting);
  at(done, { state: "failed", error: new Error("the reason") }, waiting);
  at(done, { state: "failed", error: new Error("the reason") }, { state: "blocked" });
  end();`;

Deno.test("where there is no terminal each change is a line, with news of what is done and the reason of a failure", async () => {
  const { code, err } = await inProcess(child);
  assertEquals([code, err.replaceAll(/\d:\d\d/g, "0:00").trim().split("\n")], [0, [
    ...["queued   a", "running  a", "done     a after 0:00", "news of a", "FAILED b: the reason", "blocked  c"],
    "run: 1 of 3 jobs done, 2 at a time; 0:00",
  ]]);
});
