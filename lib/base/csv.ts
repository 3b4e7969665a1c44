/**
 * Comma-separated values (RFC 4180), by d3-dsv.
 * @module
 */
// @ts-types="npm:@types/d3-dsv@3.0.7"
import { csvFormatRows, dsvFormat } from "d3-dsv";
import { UserError } from "./user_error.ts";

/** Rows of fields as the text of a CSV file, quoted where a field needs it; lines end in `\n`, the last one too. */
export const csvText = (rows: readonly (readonly string[])[]): string =>
  `${csvFormatRows(rows.map((row) => [...row]))}\n`;

/** First bytes of files that people take for CSV. */
const signatures: readonly [string, string][] = [
  ["\xff\xfe\0\0", "text in UTF-32"],
  ["\xff\xfe", "text in UTF-16"],
  ["\xfe\xff", "text in UTF-16"],
  ["PK\x03\x04", "a zip archive, such as an Excel (.xlsx) or OpenDocument (.ods) workbook"],
  ["\xd0\xcf\x11\xe0", "an Excel workbook (.xls)"],
  ["\x1f\x8b", "a gzip file"],
  ["\x28\xb5\x2f\xfd", "a Zstandard file"],
  ["BZh", "a bzip2 file"],
  ["\xfd7zXZ", "an xz file"],
  ["7z\xbc\xaf", "a 7z archive"],
  ["PAR1", "a Parquet file"],
  ["ARROW1", "an Arrow (Feather) file"],
  ["\x93NUMPY", "a NumPy array"],
  ["\x89HDF", "an HDF5 file"],
  ["SQLite format 3", "an SQLite database"],
  ["%PDF", "a PDF"],
];

/** The text of a CSV file without a byte order mark; throws a {@link UserError} naming what else it is. */
export function csvTextOf(bytes: Uint8Array, path: string): string {
  const refuse = (found: string) =>
    new UserError(`${path}: expected a CSV file in UTF-8, found ${found}. Save it as one.`);
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const known = signatures.find(([signature]) => start.startsWith(signature));
  if (known) throw refuse(known[1]);
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw refuse(/^(.\0|\0.){4}/s.test(start) ? "text in UTF-16" : "binary data");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const line = new TextDecoder().decode(bytes).split("\n").findIndex((line) => line.includes("\ufffd"));
    throw refuse(`another encoding in line ${line + 1}`);
  }
}

/**
 * A row: its number from 1 (the line's where no field has a line break), how many fields it has, and those of the
 * columns without the white space around them; undefined where the row ends before.
 */
export type CsvRow = { line: number; fields: number; values: (string | undefined)[] };

/** What parts the fields of a CSV file, and how many columns there are. */
type CsvForm = { separator: string; columns: number };

/**
 * Gives `take` the rows below the first one of a CSV file, with the columns called `names`. Fields are parted by commas,
 * semicolons or tabs: by what gives those columns. Empty rows are left out, and Excel's `sep=` above the names is passed
 * over.
 *
 * @returns undefined if a column is missing; then no row was taken
 */
export function eachCsvRow(
  text: string,
  names: readonly string[],
  take: (row: CsvRow) => void,
): CsvForm | undefined {
  const skipped = /^sep=.\r?\n/.exec(text)?.[0] ?? "", body = text.slice(skipped.length);
  for (const separator of [",", ";", "\t"]) {
    if (body.split("\n", 1)[0].split(separator).length < names.length) continue;
    let columns = 0, places: number[] = [];
    dsvFormat(separator).parseRows(body, (fields, i) => {
      if (i === 0) {
        columns = fields.length;
        places = names.map((name) => fields.findIndex((field) => field.trim().toLowerCase() === name));
      } else if (!places.includes(-1) && fields.some((field) => field.trim() !== "")) {
        const values = places.map((place) => fields[place]?.trim());
        take({ line: i + (skipped ? 2 : 1), fields: fields.length, values });
      }
    });
    if (columns > 0 && !places.includes(-1)) return { separator, columns };
  }
  return undefined;
}

/** All rows that {@link eachCsvRow} gives, and the file's form; undefined if a column is missing. */
export function csvColumns(text: string, names: readonly string[]): CsvForm & { rows: CsvRow[] } | undefined {
  const rows: CsvRow[] = [], form = eachCsvRow(text, names, (row) => rows.push(row));
  return form && { ...form, rows };
}
