import { assertEquals } from "@std/assert";
import { csvRows, csvText } from "@lib/base/csv.ts";

Deno.test("fields with commas, quotes and line ends are quoted as RFC 4180 says", () => {
  assertEquals(
    csvText([["a", "b,c"], ['say "x"', "two\nlines"], ["", " é "]]),
    'a,"b,c"\n"say ""x""","two\nlines"\n, é \n',
  );
});

Deno.test("quoted fields are read back, whatever the line ends", () => {
  assertEquals(csvRows('song,label\r\n"a, b","1 ""x"""\r\n\r\nc,\r\n'), [["song", "label"], ["a, b", '1 "x"'], [""], [
    "c",
    "",
  ]]);
  assertEquals(csvRows("a,b\n1,2"), [["a", "b"], ["1", "2"]]);
  assertEquals(csvRows(""), []);
});
