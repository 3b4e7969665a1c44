/**
 * The four models of the paper, by what sets them apart.
 * @module
 */

/** The four models of the paper. */
export type ModelName = "BERT" | "BERT-aug" | "BERT-neighbor" | "BERT-dropout";

/** A bar's second view, which it is compared with, and whether the encoder drops in training (STUDY §7.6). */
type Variant = { view: "none" | "augmented" | "neighbor" | "same"; dropout: boolean };

/** The paper's models, in its order (paper, section 2; STUDY §9.1). */
export const variants: Record<ModelName, Variant> = {
  "BERT": { view: "none", dropout: false },
  "BERT-aug": { view: "augmented", dropout: false },
  "BERT-neighbor": { view: "neighbor", dropout: false },
  "BERT-dropout": { view: "same", dropout: true },
};

/** Whether a model compares two views of a bar. */
export const compares = (model: ModelName): boolean => variants[model].view !== "none";

/** The names of the models, in the paper's order. */
export const modelNames = Object.keys(variants) as ModelName[];
