/**
 * Turns off Node's deprecation warnings: they are about packages of packages (`punycode` in Vega's), and stood before
 * our own first line. To be imported before such packages.
 * @module
 */
import process from "node:process";

process.noDeprecation = true;
