import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import {
  moveAlong,
  randomMove,
  randomSubspace,
  type Subspace,
  taskSubspace,
  without,
} from "@lib/probing/use/nullspace.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { plainLabels } from "../../support/hand_corpus.ts";

const choices = recipe("sound", "smoke", { probing: { removedShare: 0.5, removedAtOnce: 2 } });
const columns = 12, random = stream(7, "states");
const normal = () => Array.from({ length: 12 }, () => random.uniform()).reduce((sum, value) => sum + value, -6);

/** Bars whose velocity stands in two dimensions, whose length in a third, and whose instrument in two others. */
function stated(rows: number) {
  const labels = [], x = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    const velocity = 64 + 20 * normal(), quarters = 2 + normal() / 4, instrument = random.integer(3);
    labels.push({ ...plainLabels, meanVelocity: velocity, meanDuration: quarters, instruments: [instrument] });
    const noise = normal();
    const values = [velocity / 20 + noise, noise, 7 + 3 * quarters, Number(instrument === 0), Number(instrument === 1)];
    x.set([...values, ...Array.from({ length: columns - 5 }, normal)], r * columns);
  }
  return { table: { labels, songs: Int32Array.from(labels, (_, r) => r % 20) }, x };
}
const train = stated(1200), validation = stated(400);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / values.length, 0);
const dots = ({ basis, rank }: Subspace) =>
  Array.from(
    { length: rank },
    (_, a) =>
      Array.from({ length: rank }, (_, b) =>
        Array.from({ length: columns }, (_, c) =>
          basis[a * columns + c] * basis[b * columns + c]).reduce((s, v) =>
            s + v, 0)),
  );

Deno.test("what is removed is read no more, other tasks are as before, and states keep their mean", async () => {
  for (const [task, kept] of [["MV", [2, 3, 4]], ["MD", [0, 1, 3, 4]], ["I", [0, 1, 2]]] as const) {
    const found = (await taskSubspace(train, validation, columns, task, choices))!;
    assertGreater(found.before, found.after);
    assert(found.rank >= 1 && found.rank <= 6, `${task}: ${found.rank}`);
    dots(found).forEach((row, a) => row.forEach((value, b) => assertAlmostEquals(value, Number(a === b), 1e-9)));
    const cleaned = without(found, train.x);
    for (const column of kept) { // lie almost wholly outside
      const along = Array.from({ length: found.rank }, (_, d) => found.basis[d * columns + column] ** 2);
      assertLess(along.reduce((sum, value) => sum + value, 0), 0.05, `${task}: dimension ${column}`);
    }
    for (let c = 0; c < columns; c++) {
      const mean = (x: Float32Array) =>
        Array.from({ length: 1200 }, (_, r) => x[r * columns + c]).reduce((s, v) => s + v / 1200, 0);
      assertAlmostEquals(mean(cleaned), mean(train.x), 1e-4);
    }
    const again = (await taskSubspace(
      { ...train, x: cleaned },
      { ...validation, x: without(found, validation.x) },
      columns,
      task,
      choices,
    ))!;
    assertLess(again.before - again.after, 0.1 * Math.abs(found.before - found.after), task);
  }
});

Deno.test("a velocity that two dimensions tell together needs the direction that tells it", async () => {
  const { rank, basis } = (await taskSubspace(train, validation, columns, "MV", choices))!;
  const along = (direction: number[]) => {
    const size = Math.hypot(...direction);
    const parts = Array.from(
      { length: rank },
      (_, d) => direction.reduce((sum, value, c) => sum + value * basis[d * columns + c] / size, 0),
    );
    return Math.hypot(...parts);
  };
  assertGreater(along([1, -1, ...Array(10).fill(0)]), 0.99); // velocity + noise − noise
});

Deno.test("a move along a task's subspace is what one deviation of its value makes of the states, and of nothing else", async () => {
  const lengths = train.table.labels.map(({ meanDuration }) => meanDuration!), centre = mean(lengths);
  const deviation = Math.sqrt(mean(lengths.map((length) => (length - centre) ** 2)));
  const subspace = (await taskSubspace(train, validation, columns, "MD", choices))!;
  const asked = { rows: Int32Array.from(lengths.keys()), answers: lengths };
  const move = moveAlong(subspace, train.x, asked);
  assertAlmostEquals(move[2], 3 * deviation, 0.05); // the state is 7 + 3 × length
  assertLess(Math.hypot(...move.map((part, c) => c === 2 ? 0 : part)), 0.05 * move[2]);
  const half = { rows: asked.rows.filter((r) => r % 2 === 1), answers: lengths.filter((_, r) => r % 2 === 1) };
  assertAlmostEquals(moveAlong(subspace, train.x, half)[2], move[2], 0.1 * move[2]); // each value meets its own row
  assertLess(Math.hypot(...moveAlong(subspace, train.x, { ...asked, answers: lengths.map(() => 1) })), 1e-9);
  const [a, b] = [1, 2].map((seed) => randomMove(move, stream(seed, "move")));
  for (const other of [a, b]) assertAlmostEquals(Math.hypot(...other), Math.hypot(...move), 1e-9);
  assertGreater(Math.hypot(...a.map((part, c) => part - b[c])), 0.1 * move[2]);
});

Deno.test("what cannot be read has no subspace, what nobody answers none at all", async () => {
  const noise = { ...train, x: Float32Array.from(train.x, normal) };
  const other = { ...validation, x: Float32Array.from(validation.x, normal) };
  const { rank, before, after } = (await taskSubspace(noise, other, columns, "MV", choices))!;
  assert(rank === 0 || before - after < 1, `${rank}`); // of a deviation of 20
  assertEquals(await taskSubspace(train, validation, columns, "C", choices), undefined); // no bar has a chord
  assertEquals(await taskSubspace(train, validation, columns, "SC", choices), undefined);
});

Deno.test("a random subspace is orthonormal, of the same rank and mean, and another one for each stream", () => {
  const like = { rank: 5, columns, mean: new Float64Array(columns).fill(3), basis: new Float64Array(0) };
  const [a, b] = [1, 2].map((seed) => randomSubspace(like, stream(seed, "subspace")));
  dots(a).forEach((row, i) => row.forEach((value, j) => assertAlmostEquals(value, Number(i === j), 1e-9)));
  assertEquals([a.rank, a.basis.length, a.mean], [5, 60, like.mean]);
  assert(a.basis.some((value, i) => Math.abs(value - b.basis[i]) > 0.1));
  assertEquals([...randomSubspace({ ...like, rank: 0 }, stream(1, "x")).basis], []);
});
