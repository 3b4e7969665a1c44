/**
 * What a training step shows of a bar: the bar with tokens hidden, and the second view of a variant.
 * @module
 */
import { roundHalfEven } from "../tokens/beats.ts";
import type { Corpus } from "../corpus/store.ts";
import { type ModelName, variants } from "../bert/variants.ts";
import type { Random } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { eob, kinds, mask, vocabulary } from "../tokens/vocabulary.ts";

/** A bar with chosen tokens hidden in `ids`; `positions` ascend, and `labels` are the tokens that stood there. */
export type MaskedBar = { ids: Uint16Array; positions: number[]; labels: number[] };

/**
 * Chooses tokens of a bar for MLM and hides most of them (STUDY §8.1–8.2; paper: 15%, of which 80/10/10). `Bar_0` and
 * `<eob>` are never chosen, but count in the share.
 */
export function maskTokens(tokens: Uint16Array, { masking }: Recipe, random: Random): MaskedBar {
  const bar = kinds.Bar.first, first = masking.replacements === "events" ? bar : 0;
  const candidates = Array.from(tokens.keys()).filter((i) => tokens[i] !== bar && tokens[i] !== eob);
  const wanted = Math.min(candidates.length, roundHalfEven(masking.rate * tokens.length));
  for (let i = 0; i < wanted; i++) { // the first steps of Fisher–Yates: a sample without replacement
    const j = i + random.integer(candidates.length - i);
    [candidates[i], candidates[j]] = [candidates[j], candidates[i]];
  }
  const positions = candidates.slice(0, wanted).sort((a, b) => a - b);
  const ids = tokens.slice();
  for (const position of positions) {
    const draw = random.uniform();
    if (draw < masking.mask) ids[position] = mask;
    else if (draw < masking.mask + masking.random) ids[position] = first + random.integer(vocabulary.size - first);
  }
  return { ids, positions, labels: positions.map((position) => tokens[position]) };
}

/**
 * BERT-aug's second view (STUDY §9.3): one shift of all pitches but the drums', one of all velocities, each redrawn
 * until every value stays within the vocabulary; 0 is allowed.
 */
export function augment(tokens: Uint16Array, { views }: Recipe, random: Random): Uint16Array {
  type Kind = typeof kinds.Pitch;
  const within = (id: number, { first, count }: Kind) => id >= first && id < first + count;
  const shiftOf = (kind: Kind, largest: number) => {
    const ids = Array.from(tokens).filter((id) => within(id, kind)), low = Math.min(...ids), high = Math.max(...ids);
    for (;;) {
      const shift = random.integer(2 * largest + 1) - largest;
      if (ids.length === 0 || (within(low + shift, kind) && within(high + shift, kind))) return shift;
    }
  };
  const pitch = shiftOf(kinds.Pitch, views.pitchShift), velocity = shiftOf(kinds.Velocity, views.velocityShift);
  return tokens.map((id) => id + (within(id, kinds.Pitch) ? pitch : within(id, kinds.Velocity) ? velocity : 0));
}

/**
 * BERT-neighbor's second view (STUDY §9.4): any kept bar of the same song, each as likely; not the bar itself unless
 * the recipe allows it. The only bar of its song is its own neighbor.
 */
export function neighborOf(corpus: Corpus, bar: number, { views }: Recipe, random: Random): number {
  const { firstBar, bars } = corpus.songs[corpus.song(bar)];
  if (bars === 1) return bar;
  if (views.neighborSelf) return firstBar + random.integer(bars);
  const drawn = firstBar + random.integer(bars - 1);
  return drawn < bar ? drawn : drawn + 1;
}

/**
 * Both views of a bar: masked, and as a model compares it with others. `partner` is BERT-neighbor's neighbor; `draw`
 * makes the random stream of a purpose.
 */
export function viewsOf(
  corpus: Corpus,
  bar: number,
  partner: number,
  recipe: Recipe,
  model: ModelName,
  draw: (purpose: string) => Random,
): { masked: MaskedBar; second: Uint16Array } {
  const tokens = corpus.tokens(bar), masked = maskTokens(tokens, recipe, draw("mask")), { view } = variants[model];
  const seconds: Record<typeof view, () => Uint16Array> = { // the compiler asks for every view
    none: () => masked.ids,
    same: () => masked.ids,
    augmented: () => augment(tokens, recipe, draw("augment")),
    neighbor: () => corpus.tokens(partner),
  };
  return { masked, second: seconds[view]() };
}
