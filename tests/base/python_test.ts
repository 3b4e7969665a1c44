import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { execute, findPrograms, findPython, pipVariables, pythonEnvironment, SetupError } from "@lib/base/python.ts";

/** A folder with executables: file names and what they do as shell scripts. */
function folderWith(scripts: Record<string, string>): string {
  const folder = Deno.makeTempDirSync();
  for (const [name, script] of Object.entries(scripts)) {
    Deno.writeTextFileSync(`${folder}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return folder;
}

const fakePython = (version: string, code: number) => folderWith({ python3: `echo ${version}; exit ${code}` });

/** Folders with something called python3 that cannot be run, or cannot even be looked at. */
function oddFolders(): string[] {
  const odd = Array.from({ length: 5 }, () => Deno.makeTempDirSync());
  Deno.mkdirSync(`${odd[0]}/python3`);
  Deno.writeTextFileSync(`${odd[1]}/python3`, "no program", { mode: 0o644 });
  Deno.symlinkSync("python3", `${odd[2]}/python3`);
  Deno.symlinkSync(`${odd[3]}/gone`, `${odd[3]}/python3`);
  Deno.writeTextFileSync(`${odd[4]}/file`, "");
  return [...odd.slice(0, 4), `${odd[4]}/file`, `${odd[4]}/none`, ""];
}

Deno.test("without Python the message says what to install", async () => {
  const error = await assertRejects(() => findPython(Deno.makeTempDirSync()), SetupError, "no Python was found");
  assertStringIncludes(error.message, "apt install python3 python3-venv");
  assertStringIncludes(error.message, "brew install python");
});

Deno.test("a Python that is too old, lacks venv or does not run is named with its version", async () => {
  const folders = [fakePython("3.9", 0), fakePython("3.12", 1), fakePython("Segmentation fault", 139)];
  const broken = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${broken}/python3`, "\0\0 no format of a program", { mode: 0o755 });
  const error = await assertRejects(() => findPython([...folders, broken].join(":")), SetupError);
  for (const [i, what] of ["3.9", "3.12, without venv and pip", "does not run"].entries()) {
    assertStringIncludes(error.message, `${folders[i]}/python3 (${what})`);
  }
  assertStringIncludes(error.message, `${broken}/python3 (does not run)`);
});

Deno.test("the first Python that serves is taken, by whatever name; odd entries of the PATH are passed over", async () => {
  const fit = fakePython("3.13", 0),
    path = [...oddFolders(), fakePython("3.8", 0), fit, fakePython("3.12", 0)].join(":");
  assertEquals(await findPython(path), `${fit}/python3`);
  for (
    const [name, version] of [["python3.14", "3.14"], ["python3.10", "3.10"], ["python", "3.21"], ["python3", "4.0"]]
  ) {
    const folder = folderWith({ [name]: `echo ${version}` });
    assertEquals(await findPython(folder), `${folder}/${name}`);
  }
});

Deno.test("a Python is tried without the settings that would lead it to other modules", async () => {
  const folder = folderWith({ python3: '[ -z "$PYTHONHOME$PYTHONPATH" ] && echo 3.12' });
  Deno.env.set("PYTHONHOME", "/nowhere");
  Deno.env.set("PYTHONPATH", "/elsewhere");
  try {
    assertEquals(await findPython(folder), `${folder}/python3`);
    assertEquals(await execute("sh", ["-c", 'echo "$PYTHONHOME$PYTHONPATH$MORE"'], { MORE: "more" }), "more\n");
  } finally {
    Deno.env.delete("PYTHONHOME");
    Deno.env.delete("PYTHONPATH");
  }
});

Deno.test("a folder that may not be read is passed over", { ignore: Deno.uid() === 0 }, () => {
  const folder = fakePython("3.12", 0);
  Deno.chmodSync(folder, 0);
  assertEquals([...findPrograms(["python3"], folder)], []);
  Deno.chmodSync(folder, 0o700);
});

Deno.test("programs are found in the order of the folders, then of the names", () => {
  const [a, b] = [folderWith({ x: "", y: "" }), folderWith({ y: "" })];
  assertEquals([...findPrograms(["y", "x"], `${b}::${a}`)], [`${b}/y`, `${a}/y`, `${a}/x`]);
});

Deno.test("of Python's and pip's variables those stay that say where packages come from", () => {
  const fetching = {
    PIP_INDEX_URL: "https://mirror",
    PIP_CERT: "/ca.pem",
    PIP_FIND_LINKS: "/wheels",
    HTTPS_PROXY: "p",
  };
  const elsewhere = {
    ...{ PYTHONPATH: "/x", PYTHONHOME: "/y", PYTHONUSERBASE: "/z", PYTHONSTARTUP: "/s", VIRTUAL_ENV: "/v" },
    ...{ PIP_USER: "1", PIP_TARGET: "/t", PIP_PREFIX: "/p", PIP_REQUIRE_VIRTUALENV: "1", PIP_NO_DEPS: "1" },
  };
  assertEquals(pythonEnvironment({ ...fetching, PATH: "/bin", ...elsewhere }), { ...fetching, PATH: "/bin" });
});

Deno.test("of pip's files likewise", () => {
  const listed = [
    ":env:.find-links='/env'",
    "global.index-url='https://user:it\\'s@mirror/simple'",
    "global.extra-index-url='https://a\\nhttps://b'",
    "install.user='true'",
    "install.target='/t'",
    "download.trusted-host='mirror'",
  ];
  assertEquals(pipVariables(listed.join("\n") + "\n"), {
    PIP_CONFIG_FILE: "/dev/null",
    PIP_INDEX_URL: "https://user:it's@mirror/simple",
    PIP_EXTRA_INDEX_URL: "https://a\nhttps://b",
    PIP_TRUSTED_HOST: "mirror",
  });
});

Deno.test("a broken npm or pip call ends in one message with what the program said", async () => {
  const error = await assertRejects(() => execute("sh", ["-c", "echo no space left >&2; exit 3"]), SetupError);
  assertStringIncludes(error.message, "no space left");
  assertStringIncludes(error.message, "run the same command again");
  await assertRejects(() => execute("/nowhere/pip", ["install"]), SetupError, "/nowhere/pip install");
  assert(await execute("sh", ["-c", "echo fine"]) === "fine\n");
});
