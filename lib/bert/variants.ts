/**
 * The four models of the paper, by what sets them apart.
 * @module
 */

/** The four models of the paper. */
export type ModelName = "BERT" | "BERT-aug" | "BERT-neighbor" | "BERT-dropout";

/** What a variant compares a bar with. */
export interface Variant {
  /** The second view: none, the bar transposed and made louder or softer, another bar of its song, or itself. */
  view: "none" | "augmented" | "neighbor" | "same";
  /** Whether the encoder drops activations while training (study §7.6). */
  dropout: boolean;
}

/** The paper's models by what sets them apart (P section 2; study §9.1). */
export const variants: Record<ModelName, Variant> = {
  "BERT": { view: "none", dropout: false },
  "BERT-aug": { view: "augmented", dropout: false },
  "BERT-neighbor": { view: "neighbor", dropout: false },
  "BERT-dropout": { view: "same", dropout: true },
};

/** The names of {@link variants}, in the paper's order. */
export const modelNames = Object.keys(variants) as ModelName[];
