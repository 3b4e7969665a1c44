/**
 * Bars → a trained model, resumable to the bit.
 * @module
 */
export { DivergedError, pretrain } from "./pretrain.ts";
export { type StepLog, trainingLog } from "./step_log.ts";
export { evaluate, type Evaluation } from "./evaluation.ts";
