import { assert, assertEquals, assertThrows } from "@std/assert";
import { tf } from "@lib/engine/mod.ts";
import { EngineError } from "@lib/engine/types.ts";
import { workerPlace } from "@lib/engine/choice.ts";
import {
  gatherRowsOfWorkers,
  joinedCuts,
  ownRange,
  sumNumbers,
  sumsOfWorkers,
  takeOwn,
  textOfFirst,
  times,
  waitForWorkers,
  watchWorkers,
  worker,
  workers,
} from "@lib/engine/workers.ts";

Deno.test("rows are shared out whole, in order, and as equally as can be", () => {
  for (const [rows, all] of [[24, 2], [7, 2], [7, 4], [4, 4], [65, 64], [5376, 3]]) {
    const ranges = Array.from({ length: all }, (_, own) => ownRange(rows, own, all));
    assertEquals(ranges[0][0], 0);
    assertEquals(ranges.at(-1)![1], rows);
    ranges.slice(1).forEach(([from], i) => assertEquals(from, ranges[i][1]));
    const sizes = ranges.map(([from, to]) => to - from);
    assert(Math.max(...sizes) - Math.min(...sizes) <= 1 && Math.min(...sizes) >= 1, `${rows} rows: ${sizes}`);
  }
});

Deno.test("a cut of several wholes, each row of several, takes what the rows' cuts take one after another", () => {
  const one = { whole: 3, ranges: [[1, 2]] as const }, other = { whole: 4, ranges: [[0, 1], [2, 4]] as const };
  const both = joinedCuts([times(one, 2), other]);
  assertEquals(both, { whole: 10, ranges: [[2, 4], [6, 7], [8, 10]] });
  const x = tf.range(0, 10), taken = tf.tidy(() => takeOwn(x, both));
  assertEquals([...taken.dataSync()], [2, 3, 6, 8, 9]);
  tf.dispose([x, taken]);
});

Deno.test("a process alone is all workers: sums are its own, and nobody is waited for", async () => {
  assertEquals([workers, worker], [1, 0]);
  const x = tf.tensor2d([[1, 2]]), [sum] = sumsOfWorkers([x]);
  assert(sum === x && gatherRowsOfWorkers(x, { whole: 1, ranges: [[0, 1]] }) === x);
  assertEquals([...await sumNumbers([3, 4])], [3, 4]);
  assertEquals(await textOfFirst("♪"), "♪");
  await waitForWorkers(0);
  await using watch = watchWorkers();
  const error = new Error("no sum");
  assertEquals(await watch.explain(error), error);
  x.dispose();
});

Deno.test("a worker's place is its number and everybody's addresses, and a wrong one is told", () => {
  assertEquals(workerPlace(undefined, "3"), undefined);
  assertEquals(workerPlace("127.0.0.1:4000", "0"), undefined); // alone
  const hosts = ["10.0.0.1:4000", "[fe80::1]:4000", "node-3.example:4001"];
  assertEquals(workerPlace(hosts.join(), "2"), { worker: 2, hosts });
  for (const wrong of ["10.0.0.1,10.0.0.2", "a:1,a:1", "a:1,:2", "a:0,b:1", "a:1,", "a b:1,c:2"]) {
    assertThrows(() => workerPlace(wrong, "0"), EngineError, "host:port");
  }
  for (const wrong of [undefined, "", "3", "-1", "1.5", "one"]) {
    assertThrows(() => workerPlace(hosts.join(), wrong), EngineError, "0 to 2");
  }
});
