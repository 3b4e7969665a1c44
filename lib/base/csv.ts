/**
 * Comma-separated values (RFC 4180), by d3-dsv.
 * @module
 */
// @ts-types="npm:@types/d3-dsv@3.0.7"
import { csvFormatRows, csvParseRows } from "d3-dsv";

/** Rows of fields as the text of a CSV file, quoted where a field needs it; lines end in `\n`, the last one too. */
export const csvText = (rows: readonly (readonly string[])[]): string =>
  `${csvFormatRows(rows.map((row) => [...row]))}\n`;

/** The fields of each row of a CSV file; quotes are taken off, empty lines are rows of one empty field. */
export const csvRows = (text: string): string[][] => csvParseRows(text);
