import { assert, assertEquals } from "@std/assert";
import { splits } from "@lib/corpus/split.ts";
import { composeConcepts, conceptQuestions } from "@lib/probing/concepts/compose.ts";
import { designs } from "@lib/probing/concepts/designs.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { notesOf, tempoBinOf } from "@lib/tokens/bar_format.ts";

const choices = recipe("sound", "smoke", { probing: { conceptBars: 100 } });
const composed = composeConcepts(choices), { bars, corpus } = composed, questions = conceptQuestions(composed, choices);

Deno.test("the same seed gives the same bars, another one others; none are composed where none are asked for", () => {
  assertEquals(composeConcepts(choices).bars, bars);
  const other = composeConcepts(recipe("sound", "smoke", { seed: 1, probing: { conceptBars: 100 } }));
  assertEquals(other.bars.length, bars.length);
  assert(JSON.stringify(other.bars) !== JSON.stringify(bars));
  const none = recipe("sound", "smoke", { probing: { conceptBars: 0 } });
  assertEquals(composeConcepts(none).bars, []);
  assert(conceptQuestions(composeConcepts(none), none).every(({ bars }) => bars.test.length === 0));
});

Deno.test("a bar's name means the same music, however many are asked for; another seed has other names", () => {
  const named = ({ bars, corpus }: typeof composed) =>
    new Map(bars.map((_, bar) => [
      `${corpus.songs[corpus.song(bar)].file} ${corpus.barIndex(bar)}`,
      corpus.tokens(bar).join(),
    ]));
  const few = named(composeConcepts(recipe("sound", "smoke", { probing: { conceptBars: 40 } }))), all = named(composed);
  assert(few.size < all.size);
  for (const [name, tokens] of few) assertEquals(all.get(name), tokens, name);
  const other = named(composeConcepts(recipe("sound", "smoke", { seed: 1, probing: { conceptBars: 40 } })));
  assert([...other.keys()].every((name) => !all.has(name)));
});

Deno.test("the store holds the bars: whole tokens, labels and scenes, each pair of values in every scene of its own", () => {
  assertEquals(corpus.bars, bars.length);
  for (const [bar, { notes, tempoBin, scene, design }] of bars.entries()) {
    assertEquals(notesOf(corpus.tokens(bar)).length, notes.length);
    assertEquals([tempoBinOf(corpus.tokens(bar)), corpus.labels(bar).tempoBin], [tempoBin, tempoBin]);
    const song = corpus.songs[corpus.song(bar)];
    assertEquals(song.file, `${designs[design].name}/seed-0-scene-${scene}.mid`);
    assertEquals(song.firstBar + corpus.barIndex(bar), bar);
  }
  assertEquals(splits.reduce((sum, split) => sum + corpus.barsOf(split).length, 0), bars.length);
  for (const [place, { factors: [a, b] }] of designs.entries()) {
    const counts = Map.groupBy(bars.filter(({ design }) => design === place), ({ values }) => values.join());
    assertEquals(counts.size, a.values.length * b.values.length);
    assertEquals(new Set([...counts.values()].map(({ length }) => length)).size, 1);
  }
});

Deno.test("what is scored was never fitted: values of the other factor, or pairs; and each class is in every split alike", () => {
  assertEquals(questions.length, 16);
  for (const { concept, other, unseen, classes, bars: of, truth } of questions) {
    const what = `${concept} by ${other}`, place = bars[of.test[0]].design, { factors } = designs[place];
    const factor = factors[0].name === concept ? 0 : 1;
    const keyOf = (bar: number) => unseen === "values" ? String(bars[bar].values[1 - factor]) : bars[bar].values.join();
    const keys = splits.map((split) => new Set(Array.from(of[split], keyOf)));
    for (const [i, a] of keys.entries()) {
      for (const b of keys.slice(i + 1)) assertEquals(a.intersection(b).size, 0, what);
    }
    const all = bars.filter(({ design }) => design === place).length;
    assertEquals(of.train.length + of.validation.length + of.test.length, all, what);
    for (const split of splits) {
      const counts = Map.groupBy(Array.from(of[split], truth), (answer) => answer);
      assertEquals(counts.size, classes.length, what);
      assertEquals(new Set([...counts.values()].map(({ length }) => length)).size, 1, what);
    }
    if (unseen === "pairs") { // every value of either factor was fitted, though not with each other
      assertEquals(
        new Set(Array.from(of.train, (bar) => bars[bar].values[1 - factor])).size,
        factors[1 - factor].values.length,
      );
    }
  }
});
