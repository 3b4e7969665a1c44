/**
 * A worker that tokenizes chunks of a source into parts on disk.
 * @module
 */
import { serve } from "../base/worker_pool.ts";
import { partWriter } from "./tokenize.ts";

serve(partWriter);
