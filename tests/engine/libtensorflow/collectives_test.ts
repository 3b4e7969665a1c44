import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { joinGroup, serverDefinition } from "@lib/engine/libtensorflow/collectives.ts";
import { EngineError } from "@lib/engine/types.ts";
import { freeAddresses, hasWorkers, listening, startWorkers } from "../../support/workers.ts";
import type { WorkerReport } from "../../support/workers_child.ts";

Deno.test("a server's definition is protobuf with the fields of TensorFlow's tensorflow_server.proto and cluster.proto", () => {
  const found = serverDefinition({ worker: 1, hosts: ["10.0.0.1:4000", "b:5"] });
  const job = "\x0a\x06worker" + "\x12\x11\x08\x00\x12\x0d10.0.0.1:4000" + "\x12\x07\x08\x01\x12\x03b:5";
  const leader = "\x82\x01\x1e\x0a\x1c/job:worker/replica:0/task:0"; // field 16, length-delimited: (16 << 3 | 2) = 0x0182
  const text = `\x0a\x26\x0a\x24${job}\x12\x06worker\x18\x01\x22\x21${leader}\x2a\x04grpc`;
  assertEquals([...found], Array.from(text, (character) => character.charCodeAt(0)));
});

Deno.test("a worker whose address is taken, or another machine's, says so", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  for (const own of [`127.0.0.1:${port}`, "192.0.2.1:4000"]) { // 192.0.2.0/24 is for documentation, no one's
    const place = { worker: 0, hosts: [own, "127.0.0.1:1"] };
    await assertRejects(() => joinGroup(place, () => []), EngineError, `Worker 0 cannot listen at ${own}`);
  }
});

Deno.test({
  name: "three workers sum, listen at their own addresses alone, and one that is killed is named by the others",
  ignore: !hasWorkers,
  async fn() {
    const hosts = freeAddresses(3), all = startWorkers("tests/support/workers_child.ts", [], hosts);
    const told = await Promise.all(all.map(({ next }) => next<WorkerReport>()));
    for (const [i, { process, error }] of all.entries()) {
      const report = told[i];
      if (!report) throw new Error(await error);
      assertEquals(report.sums, [6, 9]);
      assertEquals(report.text, "from 0: ♪");
      assertEquals(report.rows, [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
      assertEquals(report.gradient, [[0, 0], [1, 1, 2, 2], [3, 3, 4, 4, 5, 5]][i]);
      assertEquals(report.left, { tensors: 0, handles: 0 });
      const port = Number(hosts[i].split(":")[1]).toString(16).toUpperCase().padStart(4, "0");
      const mapped = `0000000000000000FFFF00000100007F:${port}`; // ::ffff:127.0.0.1
      const found = await listening(process.pid);
      assert(found.length === 1 && [mapped, `0100007F:${port}`].includes(found[0]), `${hosts[i]} listens at ${found}`);
    }
    for (const { next } of all) assertEquals(await next(), { sums: 10 });
    all[1].process.kill("SIGKILL");
    for (const { next, process } of [all[0], all[2]]) {
      const { failed, name } = (await next<{ failed: string; name: string }>())!;
      assertEquals(name, "WorkersGoneError");
      assertStringIncludes(failed, `Of 3 workers, 1 (${hosts[1]}) is gone`);
      assertEquals((await process.status).code, 0);
    }
    for (const { process, error } of all) {
      await process.stdin.close().catch(() => {}); // it has ended
      await process.status;
      await error;
    }
    for (const { next } of all) assertEquals(await next(), undefined);
  },
});
