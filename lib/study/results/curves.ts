/**
 * Learning curves of a training in few numbers.
 * @module
 */
import type { ModelName } from "../../bert/variants.ts";
import type { CurvePoint } from "../../plots/figures.ts";
import type { StepLog } from "../../training/step_log.ts";

/** What a curve is drawn over. */
type Axis = "step" | "tokens" | "seconds";

/**
 * A training's curves, a column for each measure: of training batches, at most two hundred moving averages over nine
 * steps; of validation bars, each validation. Losses are nats, `seconds` since the training began.
 */
export type TrainingCurve = {
  model: ModelName;
  seed: number;
  training: Record<Axis | "masked" | "accuracy" | "contrast", number[]>;
  validation: Record<Axis | "loss" | "accuracy", number[]>;
};

/** Most points of a training's own curve. */
const MOST = 200;

const rounded = (value: number): number => Number(value.toPrecision(5));

/** The mean of a measure over the steps that have it; 0 if none has. */
export function stepMean(logs: readonly StepLog[], measure: keyof typeof measures): number {
  const values = logs.map((log) => log[measure] ?? null).filter((value) => value !== null);
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** A training's curves from its log. */
export function trainingCurve(logs: readonly StepLog[], of: Pick<TrainingCurve, "model" | "seed">): TrainingCurve {
  const every = Math.ceil((logs.at(-1)?.steps ?? 1) / MOST);
  const chosen = logs.flatMap((log, i) => (i + 1) % every === 0 || i === logs.length - 1 ? [{ log, i }] : []);
  const average = (measure: keyof typeof measures) =>
    chosen.map(({ i }) => rounded(stepMean(logs.slice(Math.max(0, i - 4), i + 5), measure)));
  const validated = logs.filter(({ validation }) => validation);
  const axes = (some: readonly StepLog[]) => ({
    step: some.map(({ step }) => step),
    tokens: some.map(({ tokens }) => tokens),
    seconds: some.map(({ seconds }) => rounded(seconds)),
  });
  return {
    ...of,
    training: {
      ...axes(chosen.map(({ log }) => log)),
      ...{ masked: average("masked"), accuracy: average("accuracy"), contrast: average("contrast") },
    },
    validation: {
      ...axes(validated),
      loss: validated.map(({ validation }) => rounded(validation!.loss)),
      accuracy: validated.map(({ validation }) => rounded(validation!.accuracy)),
    },
  };
}

/** The measures of curves, as panels are named. */
export const measures = {
  masked: "MLM loss, nats",
  accuracy: "MLM accuracy",
  contrast: "NT-Xent loss, nats",
} as const;

/** The columns of a curve by measure. */
function columnsOf(curve: TrainingCurve, of: "training" | "validation"): Record<keyof typeof measures, number[]> {
  const { masked, accuracy, contrast } = curve.training, { validation } = curve;
  return of === "training"
    ? { masked, accuracy, contrast }
    : { masked: validation.loss, accuracy: validation.accuracy, contrast: [] };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);

/**
 * Points of trainings' curves: a series for each model, of several seeds their mean as far as all of them came, and each
 * of them.
 *
 * @param over what the x axis has: steps, million tokens, or minutes
 */
export function curvePoints(
  curves: readonly TrainingCurve[],
  of: "training" | "validation",
  over: Axis = "step",
): CurvePoint[] {
  const unit = { step: 1, tokens: 1e6, seconds: 60 }[over];
  return [...Map.groupBy(curves, ({ model }) => model)].flatMap(([series, own]) =>
    (["masked", "accuracy", "contrast"] as const).flatMap((name): CurvePoint[] => {
      const lines = own.map((curve) => {
        const values = columnsOf(curve, of)[name];
        return values.map((value, i) => ({ step: curve[of][over][i] / unit, value, seed: curve.seed }));
      });
      const means = lines[0].flatMap((_, i) => {
        const steps = new Set(own.map((curve) => curve[of].step[i])), at = lines.map((line) => line[i]);
        if (steps.size > 1 || at.includes(undefined!)) return [];
        return [{ step: mean(at.map(({ step }) => step)), value: mean(at.map(({ value }) => value)) }];
      });
      const all: Pick<CurvePoint, "step" | "value" | "seed">[] = own.length > 1 ? [...means, ...lines.flat()] : means;
      return all.filter(({ value }) => value > 0).map((point) => ({ ...point, measure: measures[name], series }));
    })
  );
}
