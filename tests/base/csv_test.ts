import { assertEquals, assertThrows } from "@std/assert";
import { csvColumns, csvText, csvTextOf } from "@lib/base/csv.ts";
import { UserError } from "@lib/base/user_error.ts";

Deno.test("fields with commas, quotes and line ends are quoted as RFC 4180 says", () => {
  assertEquals(
    csvText([["a", "b,c"], ['say "x"', "two\nlines"], ["", " é "]]),
    'a,"b,c"\n"say ""x""","two\nlines"\n, é \n',
  );
});

Deno.test("quoted fields are read back, whatever the line ends", () => {
  const text = 'song,label\r\n"a, b","1 ""x"""\r\n\r\nc,\r\n';
  assertEquals(csvColumns(text, ["song", "label"])?.rows.map(({ values }) => values), [["a, b", '1 "x"'], ["c", ""]]);
  assertEquals(csvColumns("a,b\n1,2", ["b"])?.rows.map(({ values }) => values), [["2"]]);
  assertEquals(csvColumns("", ["a"]), undefined);
});

const bytesOf = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

Deno.test("what is no CSV file is named by its first bytes", () => {
  const named: [Uint8Array, string][] = [
    [bytesOf("\xff\xfes\0o\0n\0g\0"), "text in UTF-16"],
    [bytesOf("\xff\xfe\0\0s\0\0\0"), "text in UTF-32"],
    [bytesOf("s\0o\0n\0g\0,\0b\0"), "text in UTF-16"],
    [bytesOf("\0s\0o\0n\0g\0,\0b"), "text in UTF-16"],
    [bytesOf("PK\x03\x04\x14\0xl/workbook.xml"), "a zip archive, such as an Excel"],
    [bytesOf("\x1f\x8b\x08"), "a gzip file"],
    [bytesOf("PAR1\x15\x04"), "a Parquet file"],
    [bytesOf("\x93NUMPY\x01\0"), "a NumPy array"],
    [bytesOf("song,bar\n\0\x01\x02"), "binary data"],
    [bytesOf("song,bar\ncaf\xe9,1\n"), "another encoding in line 2"], // Latin-1
  ];
  for (const [bytes, found] of named) {
    assertThrows(() => csvTextOf(bytes, "x.csv"), UserError, `x.csv: expected a CSV file in UTF-8, found ${found}`);
  }
  assertEquals(csvTextOf(new TextEncoder().encode("\ufeffsong,é\n"), "x.csv"), "song,é\n");
  assertEquals(csvTextOf(new Uint8Array(0), "x.csv"), "");
});

Deno.test("columns are found by name, whatever parts the fields, and rows keep their numbers", () => {
  const rows = [
    { line: 2, fields: 3, values: ["x", "1, 2"] },
    { line: 4, fields: 1, values: [undefined, undefined] },
    { line: 5, fields: 3, values: ["y", ""] },
  ];
  const expected = (separator: string) => ({ separator, columns: 3, rows });
  assertEquals(csvColumns('c,B,a\n0,"1, 2",x\n\n?\n0,, y ', ["a", "b"]), expected(","));
  assertEquals(csvColumns("c;b;A\r\n0;1, 2;x\r\n\r\n?\r\n0;;y\r\n", ["a", "b"]), expected(";"));
  assertEquals(csvColumns("c\tb\ta\n0\t1, 2\tx\n \n?\n0\t\ty", ["a", "b"]), expected("\t"));
  assertEquals(csvColumns("sep=;\r\na;b\r\n1;2\r\n", ["b"])?.rows, [{ line: 3, fields: 2, values: ["2"] }]);
  assertEquals(csvColumns("a,b\n1,2", ["a", "z"]), undefined);
});
