import { assertEquals } from "@std/assert";
import { followLog } from "@lib/cli/jobs/log.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("a log is followed from its end on: whole lines as they come, without empty ones, the last one also cut off", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.log`, append = (text: string) => Deno.writeTextFile(path, text, { append: true });
    const seen: string[] = [];
    await append("before\n");
    const followed = followLog(path, (line) => void seen.push(line), 5);
    const until = async (count: number) => {
      while (seen.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await append("one\n\ntw");
    await until(1);
    assertEquals(seen, ["one"]);
    await append("ö\nthree");
    await until(2);
    assertEquals(seen, ["one", "twö"]);
    await followed.end();
    assertEquals(seen, ["one", "twö", "three"]);
    assertEquals([...followed.tail], seen);
  }));

Deno.test("a log may come into being later, or never; its tail is its last twelve lines", () =>
  withFolder(async (folder) => {
    await followLog(`${folder}/none.log`, () => {}).end();
    const path = `${folder}/late.log`, followed = followLog(path, () => {}, 1000);
    await Deno.writeTextFile(path, Array.from({ length: 40 }, (_, i) => `line ${i}\n`).join(""));
    await followed.end();
    assertEquals([followed.tail.length, followed.tail.at(0), followed.tail.at(-1)], [12, "line 28", "line 39"]);
  }));
