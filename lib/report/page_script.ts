/// <reference lib="dom" />
/**
 * What happens in a page's browser: values and legends of plots, tables to save, and contents that follow the reader.
 *
 * Each function is put into the page as its own source text, so that it may name nothing outside itself but `toLatex`
 * and `synthesize`.
 * @module
 */
import { toLatex } from "../notebook/latex.ts";
import { synthesize } from "../notebook/synth.ts";

/**
 * Plots of `plotHtml` come alive: the mark nearest to the pointer, or the one that the arrow keys choose, says its value,
 * and the legend's buttons hide and show series.
 */
export function livePlots(): void {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "status");
  document.body.append(tip);
  let shown: Element | undefined;
  const hide = () => {
    shown?.classList.remove("on");
    shown = undefined;
    tip.textContent = "";
  };
  const place = (mark: Element) => {
    const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(innerWidth - own.width - 8, Math.max(8, box.left + box.width / 2 - own.width / 2));
    const above = box.top - own.height - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above < 4 ? Math.min(box.bottom + 8, innerHeight - own.height - 4) : above}px`;
  };
  const show = (mark: Element) => {
    if (mark === shown) return;
    hide();
    shown = mark;
    mark.classList.add("on");
    tip.textContent = mark.getAttribute("data-v");
    place(mark);
  };
  for (const figure of document.querySelectorAll<HTMLElement>("figure.plot")) {
    const frame = figure.querySelector<HTMLElement>(".panels")!;
    const all = [...frame.querySelectorAll("[data-v]")], off = new Set<string>();
    const visible = () => all.filter((mark) => !off.has(mark.getAttribute("data-s") ?? ""));
    const middle = (mark: Element) => {
      const { left, top, width, height } = mark.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    };
    const nearest = (x: number, y: number, marks: Element[], reach: number) => {
      let best: Element | undefined, least = reach;
      for (const mark of marks) {
        const at = middle(mark), far = Math.hypot(at.x - x, at.y - y);
        if (far < least) [best, least] = [mark, far];
      }
      return best;
    };
    const point = (event: PointerEvent) => {
      const under = (event.target as Element).closest("[data-v]");
      const mark = under ?? nearest(event.clientX, event.clientY, visible(), 28);
      if (mark) show(mark);
      else hide();
    };
    frame.addEventListener("pointermove", point);
    frame.addEventListener("pointerdown", point);
    frame.addEventListener("pointerleave", hide);
    frame.addEventListener("blur", hide);
    frame.addEventListener("keydown", (event) => {
      const marks = visible(), at = marks.indexOf(shown!), last = marks.length - 1;
      if (event.key === "Escape") return hide();
      const series = (mark: Element) => mark.getAttribute("data-s"), panel = (mark: Element) => mark.closest("svg");
      const steps: Record<string, () => Element | undefined> = {
        ArrowRight: () => marks[Math.min(last, at + 1)],
        ArrowLeft: () => marks[Math.max(0, at - 1)],
        Home: () => marks[0],
        End: () => marks[last],
      };
      for (const [key, way] of [["ArrowUp", -1], ["ArrowDown", 1]] as const) {
        steps[key] = () => {
          const own = shown;
          if (!own) return marks[0];
          const here = middle(own);
          const others = marks.filter((mark) =>
            panel(mark) === panel(own) && series(mark) !== series(own) && way * (middle(mark).y - here.y) >= 0
          );
          return nearest(here.x, here.y, others, Infinity);
        };
      }
      if (!steps[event.key]) return;
      event.preventDefault();
      const mark = steps[event.key]();
      if (!mark) return;
      mark.scrollIntoView({ block: "nearest", inline: "nearest" });
      show(mark);
    });
    for (const button of figure.querySelectorAll<HTMLButtonElement>(".legend button")) {
      button.addEventListener("click", () => {
        const series = button.dataset.s!, isOn = button.getAttribute("aria-pressed") === "true";
        button.setAttribute("aria-pressed", String(!isOn));
        if (isOn) off.add(series);
        else off.delete(series);
        for (const mark of frame.querySelectorAll<SVGElement>(`[data-s="${series}"]`)) {
          mark.style.display = isOn ? "none" : "";
        }
        hide();
      });
    }
  }
  const moved = () => {
    if (!shown) return;
    if (document.activeElement?.contains(shown)) place(shown); // chosen by keyboard, which may have scrolled to it
    else hide();
  };
  addEventListener("scroll", moved, { passive: true, capture: true });
}

/** Tables get buttons that save them as CSV and as LaTeX, in the order that they stand in. */
export function savedTables(): void {
  const save = (name: string, type: string, text: string) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  for (const table of document.querySelectorAll<HTMLTableElement>("table.numbers")) {
    const textOf = (cell: Element) =>
      cell instanceof HTMLElement ? cell.innerText.replace(/[\s\u00a0]+/g, " ").replace(/ [▲▼]$/, "").trim() : "";
    const heads = () => [...table.tHead!.rows[0].cells].map(textOf);
    const body = () => [...table.tBodies[0].rows].map((row) => [...row.cells].map(textOf));
    const caption = table.caption?.innerText.trim() ?? "";
    const name = (caption || "table").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40).replace(/-$/, "");
    const quoted = (text: string) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const csv = () => [heads(), ...body()].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
    const latex = () => {
      const keys = heads().map((head, i, all) => all.indexOf(head) === i ? head : `${head} (${i + 1})`);
      return toLatex(body().map((row) => Object.fromEntries(keys.map((key, i) => [key, row[i]]))), { caption });
    };
    const bar = document.createElement("p");
    bar.className = "save";
    for (
      const [label, act] of [
        ["CSV", () => save(`${name}.csv`, "text/csv", `\ufeff${csv()}`)],
        ["LaTeX", () => save(`${name}.tex`, "text/x-tex", latex())],
      ] as const
    ) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-label", `Save as ${label}: ${caption || "table"}`);
      button.addEventListener("click", act);
      bar.append(button);
    }
    table.after(bar);
  }
}

/** The contents mark the section that is read, and the menu that holds them on small screens closes when one is chosen. */
export function followContents(): void {
  const nav = document.querySelector("nav")!, menu = nav.querySelector("details")!;
  const links = [...nav.querySelectorAll<HTMLAnchorElement>("a[href^='#']")];
  const places = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  const wide = matchMedia("(min-width: 75rem)");
  const fit = () => menu.open = wide.matches;
  wide.addEventListener("change", fit);
  fit();
  menu.addEventListener("click", (event) => {
    if (!wide.matches && (event.target as Element).closest("a")) menu.open = false;
  });
  let due = false, current: HTMLAnchorElement | undefined;
  const mark = () => {
    due = false;
    const at = places.findLastIndex((place) => place !== null && place.getBoundingClientRect().top < 120);
    if (links[at] === current) return;
    current?.removeAttribute("aria-current");
    current = links[at];
    current?.setAttribute("aria-current", "true");
    if (wide.matches) current?.scrollIntoView({ block: "nearest" });
  };
  addEventListener("scroll", () => {
    if (!due) requestAnimationFrame(mark);
    due = true;
  }, { passive: true });
  mark();
}

/**
 * Players make their sound from their notes when they are first pressed; a line runs over the roll above them. Only one
 * plays at a time; pressed again, it stops.
 */
export function playNotes(): void {
  const rate = 22_050, sounds = new Map<HTMLButtonElement, AudioBuffer>();
  let audio: AudioContext | undefined, stop = () => {};
  const line = document.createElement("i");
  line.className = "cursor";
  const rollOf = (button: Element) => {
    const figure = button.closest("figure"), before = button.closest(".output")?.previousElementSibling;
    return figure?.querySelector("svg") ??
      (button.closest("[data-roll]") ? before?.querySelector("figure.plot svg") : null);
  };
  /** Where the notes of a roll are: of Vega's, its first frame; of small ones, the share of their width that they name. */
  const spanOf = (svg: Element) => {
    const box = svg.getBoundingClientRect(), { from, to } = (svg as SVGElement).dataset;
    if (from && to) {
      return { left: box.left + Number(from) * box.width, width: (Number(to) - Number(from)) * box.width };
    }
    return svg.querySelector("path[stroke]")!.getBoundingClientRect();
  };
  for (const button of document.querySelectorAll<HTMLButtonElement>("button.play")) {
    const seconds = Number(button.dataset.seconds), label = button.textContent!;
    button.addEventListener("click", () => {
      const isOn = button.getAttribute("aria-pressed") === "true";
      stop();
      if (isOn) return;
      audio ??= new AudioContext({ sampleRate: rate });
      let sound = sounds.get(button);
      if (!sound) {
        const text = button.dataset.notes!,
          notes = text === "" ? [] : text.split(";").map((note) => {
            const [start, length, pitch, velocity, program] = note.split(",").map(Number);
            const drum = program === 128;
            return { start: start / 1000, seconds: length / 1000, pitch, velocity, program: drum ? 0 : program, drum };
          });
        const samples = synthesize(notes, { rate, seconds });
        sound = audio.createBuffer(1, samples.length, rate);
        sound.copyToChannel(samples, 0);
        sounds.set(button, sound);
      }
      const source = audio.createBufferSource(), context = audio;
      source.buffer = sound;
      source.connect(audio.destination);
      void audio.resume();
      const began = audio.currentTime, roll = rollOf(button);
      let frame = 0;
      const draw = () => {
        const at = context.currentTime - began;
        button.textContent = `■ ${Math.max(0, seconds - at).toFixed(1)} s`;
        if (roll) {
          const { left, width } = spanOf(roll), box = roll.getBoundingClientRect(), around = roll.parentElement!;
          if (line.parentElement !== around) around.append(line);
          // A bar is played with a little rest behind it, in which its last notes ring on.
          const share = Math.min(1, at / Math.max(0.1, seconds - Number(button.dataset.rest ?? 0)));
          line.style.height = `${box.height}px`;
          const base = around.getBoundingClientRect();
          line.style.left = `${left + share * width - base.left + around.scrollLeft}px`;
          line.style.top = `${box.top - base.top}px`;
        }
        frame = requestAnimationFrame(draw);
      };
      stop = () => {
        cancelAnimationFrame(frame);
        source.onended = null;
        source.stop();
        line.remove();
        button.textContent = label;
        button.setAttribute("aria-pressed", "false");
        stop = () => {};
      };
      source.onended = () => stop();
      button.setAttribute("aria-pressed", "true");
      source.start();
      draw();
    });
  }
}

/** The page's script: all of the above, with what they share. */
export const pageScript = (): string =>
  [
    `const toLatex = ${toLatex};`,
    `const synthesize = ${synthesize};`,
    ...[livePlots, savedTables, followContents, playNotes].map((part) => `(${part})();`),
  ].join("\n");
