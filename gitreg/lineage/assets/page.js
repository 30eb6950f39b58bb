// @ts-check
// Makes the page lively: pan, zoom, search, keys, details beside the picture. All content is in the markup already;
// this only shows, hides and moves it, and makes no markup of its own.
"use strict";
(() => {
  /** @typedef {{el: SVGAElement, x: number, y: number, w: number, h: number, into: Edge[], out: Edge[]}} Box */
  /** @typedef {{el: Element, from: Box, to: Box}} Edge */

  /** @type {(id: string) => HTMLElement} */
  const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(`gitreg-${id}`));
  const [picture, list, details, help] = ["picture", "list", "details", "help"].map(byId);
  const search = /** @type {HTMLInputElement} */ (byId("search"));
  const svg = /** @type {SVGSVGElement} */ (picture.querySelector("svg"));
  const root = document.documentElement;
  const { width, height } = svg.viewBox.baseVal;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  // scales: nothing is larger, text can be read, a first look may be, texts are left out; and how many boxes are many
  const LARGEST = 4, LEGIBLE = 0.75, OVERVIEW = 0.5, FAR = 0.25, MANY = 1500;
  const MARGIN = 40, FOOT = 72; // below are legend and buttons

  // ---- what is there

  const offset = svg.querySelector("g")?.transform.baseVal.getItem(0)?.matrix ?? { e: 0, f: 0 };
  /** @type {Box[]} */
  const boxes = [...svg.querySelectorAll("a.node")].map((node) => {
    const el = /** @type {SVGAElement} */ (node);
    const at = el.transform.baseVal.getItem(0).matrix;
    const rect = /** @type {SVGRectElement} */ (el.querySelector("rect"));
    const [w, h] = [rect.width.baseVal.value, rect.height.baseVal.value];
    el.setAttribute("tabindex", "-1");
    return { el, x: at.e + offset.e + w / 2, y: at.f + offset.f + h / 2, w, h, into: [], out: [] };
  });
  /** @type {Map<Element, Box>} */
  const boxOf = new Map(boxes.map((box) => [box.el, box]));
  /** @type {Edge[]} */
  const edges = [...svg.querySelectorAll(".edge[data-from]")].map((node) => {
    const { from, to } = /** @type {SVGElement} */ (node).dataset;
    const edge = { el: node, from: boxes[Number(from)], to: boxes[Number(to)] };
    edge.from.out.push(edge);
    edge.to.into.push(edge);
    return edge;
  });
  const entries = [...list.querySelectorAll("tbody tr")].map((node) => {
    const row = /** @type {HTMLElement} */ (node);
    const article = /** @type {HTMLElement} */ (target(/** @type {HTMLAnchorElement} */ (row.querySelector("a")).hash));
    return { row, article, words: (row.textContent ?? "").toLowerCase(), box: boxes[Number(article.dataset.at)] };
  });

  /** @param {string} hash @returns {HTMLElement | null} the article that a link or an address names */
  function target(hash) {
    let id = hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* somebody typed a lone % */ }
    return id ? document.getElementById(id)?.closest("article") ?? null : null;
  }

  // ---- pan and zoom

  const view = { x: 0, y: 0, k: 1 };
  let moving = 0;
  const wide = () => picture.clientWidth, high = () => picture.clientHeight;

  function show() {
    // something of the graph always stays in the window
    const edge = Math.min(120, wide() / 3, high() / 3);
    view.x = Math.min(Math.max(view.x, edge - width * view.k), wide() - edge);
    view.y = Math.min(Math.max(view.y, edge - height * view.k), high() - edge);
    svg.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.k})`;
    svg.classList.toggle("far", view.k < FAR);
  }

  /** Move to a place at once, or in a few steps. @param {{x: number, y: number, k: number}} there */
  function glide(there) {
    cancelAnimationFrame(moving);
    if (still.matches || boxes.length > MANY || picture.hidden) { Object.assign(view, there); show(); return; }
    const here = { ...view }, start = performance.now();
    /** @param {number} now */
    const step = (now) => {
      const part = Math.min((now - start) / 220, 1), eased = 1 - (1 - part) ** 3;
      for (const key of /** @type {const} */ (["x", "y", "k"])) view[key] = here[key] + (there[key] - here[key]) * eased;
      show();
      if (part < 1) moving = requestAnimationFrame(step);
    };
    moving = requestAnimationFrame(step);
  }

  const fitting = () => Math.min((wide() - 2 * MARGIN) / width, (high() - 2 * MARGIN) / height, 1);

  /** @param {number} k @param {number} [x] @param {number} [y] the place that stays where it is */
  function zoom(k, x = wide() / 2, y = high() / 2) {
    cancelAnimationFrame(moving);
    const next = Math.min(Math.max(k, Math.min(fitting(), 0.1)), LARGEST), ratio = next / view.k;
    Object.assign(view, { x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio, k: next });
    show();
  }

  /** All of it, in the middle. */
  function fit() {
    const k = fitting();
    glide({ k, x: (wide() - width * k) / 2, y: (high() - height * k) / 2 });
  }

  /** The first look: all of it if that can be read, else what was asked for, else what is newest. */
  function begin() {
    const k = Math.min(Math.max(fitting(), OVERVIEW), 1);
    const box = boxes.find(({ el }) => el.classList.contains("focus")) ?? entries[0]?.box ?? { x: 0, y: 0 };
    /** @param {number} room @param {number} size @param {number} at */
    const middle = (room, size, at) =>
      size * k <= room ? (room - size * k) / 2 : Math.min(Math.max(room / 2 - at * k, room - size * k - MARGIN), MARGIN);
    Object.assign(view, { k, x: middle(wide(), width, box.x), y: middle(high(), height, box.y) });
    show();
  }

  /**
   * Bring a box into the window, with its neighbours where they fit; nothing moves that is there and can be read.
   * @param {Box} box
   * @param {number} [k] the scale
   */
  function reveal(box, k = view.k < OVERVIEW ? LEGIBLE : view.k) {
    /** @param {Box[]} group */
    const around = (group) => ({
      left: Math.min(...group.map((one) => one.x - one.w / 2)) * k - 24, right: Math.max(...group.map((one) => one.x + one.w / 2)) * k + 24,
      top: Math.min(...group.map((one) => one.y - one.h / 2)) * k - 24, bottom: Math.max(...group.map((one) => one.y + one.h / 2)) * k + FOOT,
    });
    let area = around([box, ...box.into.map((edge) => edge.from), ...box.out.map((edge) => edge.to)]);
    if (area.right - area.left > wide() || area.bottom - area.top > high()) area = around([box]);
    // what was too small to read comes into the middle, anything else only as far as it must
    const [x, y] = k === view.k ? [view.x, view.y] : [wide() / 2 - box.x * k, high() / 2 - box.y * k];
    const there = {
      k, x: Math.max(Math.min(x, wide() - area.right), -area.left), y: Math.max(Math.min(y, high() - area.bottom), -area.top),
    };
    if (there.k !== view.k || there.x !== view.x || there.y !== view.y) glide(there);
  }

  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let dragged = false;

  picture.addEventListener("pointerdown", (event) => {
    if (event.button || !(event.target instanceof Element) || event.target.closest("button, .legend")) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    dragged = fingers.size > 1;
  });
  addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
    // a hand is never quite still
    if (!dragged && Math.hypot(dx, dy) < 4) return;
    if (!dragged) { dragged = true; cancelAnimationFrame(moving); picture.classList.add("moving"); }
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    before.x = event.clientX;
    before.y = event.clientY;
    if (!other) { view.x += dx; view.y += dy; show(); return; }
    const corner = picture.getBoundingClientRect();
    const [middleX, middleY] = [(before.x + other.x) / 2 - corner.left, (before.y + other.y) / 2 - corner.top];
    const apart = Math.hypot(before.x - other.x, before.y - other.y);
    const was = Math.hypot(before.x - dx - other.x, before.y - dy - other.y);
    view.x += dx / 2;
    view.y += dy / 2;
    zoom(view.k * (apart / (was || 1)), middleX, middleY);
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) picture.classList.remove("moving");
    });
  }
  picture.addEventListener("click", (event) => {
    // the end of a drag is no click
    if (dragged && event.detail) { event.preventDefault(); event.stopPropagation(); }
    dragged = false;
  }, true);
  picture.addEventListener("dragstart", (event) => event.preventDefault());
  picture.addEventListener("dblclick", (event) => {
    if (event.target instanceof Element && event.target.closest("a, button, .legend")) return;
    const corner = picture.getBoundingClientRect();
    zoom(view.k * 1.6, event.clientX - corner.left, event.clientY - corner.top);
  });
  picture.addEventListener("wheel", (event) => {
    event.preventDefault();
    const unit = [1, 16, high()][event.deltaMode];
    const [dx, dy] = event.shiftKey && !event.deltaX ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    if (Math.abs(dx) > Math.abs(dy)) { view.x -= dx * unit; show(); return; }
    const corner = picture.getBoundingClientRect();
    // a pinch on a touchpad comes as small steps with Ctrl
    const factor = Math.exp(-Math.max(-240, Math.min(240, dy * unit)) * (event.ctrlKey ? 0.01 : 0.0016));
    zoom(view.k * factor, event.clientX - corner.left, event.clientY - corner.top);
  }, { passive: false });
  // a focused box may have made the browser scroll; the picture moves by its transform alone
  picture.addEventListener("scroll", () => picture.scrollTo(0, 0));

  // ---- details

  /** @type {HTMLElement | null} */
  let open = null;

  /** @type {Map<Element, string[]>} what was marked, to be taken back */
  const marked = new Map();

  /** @param {Element} el @param {string} name */
  function mark(el, name) {
    marked.set(el, [...(marked.get(el) ?? []), name]);
    if (name === "aria-current") el.setAttribute(name, "true");
    else el.classList.add(name);
  }

  /** @param {HTMLElement | null} article @param {{enter?: boolean}} [how] enter: the keyboard goes there */
  function select(article, { enter = false } = {}) {
    for (const [el, names] of marked) {
      el.classList.remove(...names);
      el.removeAttribute("aria-current");
    }
    marked.clear();
    open = article;
    root.classList.toggle("open", Boolean(article));
    svg.classList.toggle("tracing", Boolean(article));
    show();
    if (!article) return;
    mark(article, "open");
    details.scrollTop = 0;
    const entry = entries.find((item) => item.article === article);
    if (entry) {
      mark(entry.row, "open");
      mark(/** @type {Element} */ (entry.row.querySelector("a")), "aria-current");
    }
    for (const time of article.querySelectorAll("time")) tellAge(time);
    const box = boxes[Number(article.dataset.at)];
    mark(box.el, "here");
    mark(box.el, "aria-current");
    for (const edge of [...box.into, ...box.out]) mark(edge.el, "near");
    trace(box, "into", "from");
    trace(box, "out", "to");
    current(box);
    if (root.classList.contains("listing")) entry?.row.scrollIntoView({ block: "nearest" });
    else reveal(box);
    if (enter) article.querySelector("h2")?.focus({ preventScroll: true });
  }

  /** Mark what a box came from, or what came of it. @param {Box} box @param {"into" | "out"} way @param {"from" | "to"} end */
  function trace(box, way, end) {
    const seen = new Set([box]);
    for (const here of seen) {
      mark(here.el, "kin");
      for (const edge of here[way]) { mark(edge.el, "kin"); seen.add(edge[end]); }
    }
  }

  /** @param {HTMLTimeElement} time */
  function tellAge(time) {
    if (time.nextElementSibling?.matches(".age")) return;
    const ago = (Date.parse(time.dateTime) - Date.now()) / 1000;
    /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
    const units = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
    const [unit, length] = units.find(([, seconds]) => Math.abs(ago) >= seconds) ?? [];
    const words = new Intl.RelativeTimeFormat("en");
    const age = document.createElement("small");
    age.className = "age";
    age.textContent = unit && length ? ` ${words.format(Math.trunc(ago / length), unit)}` : " just now";
    time.after(age);
  }

  /**
   * Follow a link. What is open is in the address: it can be sent, and Back goes back.
   * @param {string} hash
   * @param {{enter?: boolean, replace?: boolean}} [how] replace: a step that Back leaves out
   */
  function go(hash, { enter = false, replace = false } = {}) {
    const address = hash || location.href.replace(/#.*/s, "");
    try { history[replace ? "replaceState" : "pushState"](null, "", address); } catch { /* somebody's frame forbids it */ }
    select(target(hash), { enter });
  }

  addEventListener("popstate", () => select(target(location.hash)));
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // Enter on a box, or a link in the details, which goes away: the keyboard follows
    go(link.getAttribute("href") ?? "", { enter: event.detail === 0 || details.contains(link) });
  });
  function close() {
    const last = open;
    go("");
    if (!last || document.activeElement === search) return;
    if (root.classList.contains("listing")) entries.find((entry) => entry.article === last)?.row.querySelector("a")?.focus();
    else focus(boxes[Number(last.dataset.at)]);
  }

  // ---- the keyboard in the picture: one box at a time can be reached with Tab, arrows go on from there

  let stop = boxes.find(({ el }) => el.classList.contains("focus")) ?? boxes[0];
  /** Where one came from, so that an arrow back leads back. @type {Map<Box, Box>} */
  const trail = new Map();

  /** @param {Box} box */
  function current(box) {
    stop?.el.setAttribute("tabindex", "-1");
    stop = box;
    stop.el.setAttribute("tabindex", "0");
  }

  /** @param {Box} box */
  function focus(box) {
    current(box);
    reveal(box);
    box.el.focus({ preventScroll: true });
  }

  /** @param {Box} box @param {string} key @returns {Box | undefined} */
  function next(box, key) {
    if (key === "Home") return boxes[0];
    if (key === "End") return boxes[boxes.length - 1];
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const ends = key === "ArrowLeft" ? box.into.map((edge) => edge.from) : box.out.map((edge) => edge.to);
      const back = trail.get(box);
      if (back && ends.includes(back)) return back;
      return ends.sort((a, b) => Math.abs(a.y - box.y) - Math.abs(b.y - box.y))[0];
    }
    const way = key === "ArrowDown" ? 1 : -1;
    const far = (/** @type {Box} */ other) => (other.y - box.y) * way + (Math.abs(other.x - box.x) > (other.w + box.w) / 2 ? 1e5 : 0);
    return boxes.filter((other) => (other.y - box.y) * way > 1).sort((a, b) => far(a) - far(b))[0];
  }

  // not on the picture itself: that makes an SVG a stop of its own
  picture.addEventListener("focusin", (event) => {
    const box = boxOf.get(/** @type {Element} */ (event.target));
    if (box) current(box);
  });
  svg.addEventListener("keydown", (event) => {
    const box = boxOf.get(/** @type {Element} */ (event.target));
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") { event.preventDefault(); box.el.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })); return; }
    if (!/^(Arrow.*|Home|End)$/.test(event.key)) return;
    event.preventDefault();
    const there = next(box, event.key);
    if (!there) return;
    if (/Left|Right/.test(event.key)) trail.set(there, box);
    focus(there);
    // open details follow
    if (open) go(there.el.getAttribute("href") ?? "", { replace: true });
  });

  // ---- search

  /** @type {typeof entries} */
  let matches = [];
  let at = -1;

  function find() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const seeking = words.length > 0;
    matches = seeking ? entries.filter((entry) => words.every((word) => entry.words.includes(word))) : [];
    at = -1;
    const found = new Set(matches);
    for (const box of boxes) box.el.classList.remove("found");
    for (const entry of entries) {
      entry.row.hidden = seeking && !found.has(entry);
      if (found.has(entry)) entry.box.el.classList.add("found");
    }
    // in the order of the picture, from left to right
    matches.sort((a, b) => Number(a.article.dataset.at) - Number(b.article.dataset.at));
    root.classList.toggle("searching", seeking);
    svg.classList.toggle("seeking", seeking);
    /** @type {HTMLElement} */ (list.querySelector(".none")).hidden = !seeking || matches.length > 0;
    count();
    if (matches.length && !matches.some(({ box }) => inside(box))) reveal(matches[0].box, view.k);
  }

  /** Whether a box can be seen. @param {Box} box */
  function inside(box) {
    const [x, y] = [view.x + box.x * view.k, view.y + box.y * view.k];
    return x > 0 && x < wide() && y > 0 && y < high();
  }

  function count() {
    const all = matches.length;
    const output = /** @type {HTMLOutputElement} */ (document.querySelector(".search output"));
    const many = all === 1 ? "1 match" : `${all.toLocaleString("en")} matches`;
    output.value = !search.value.trim() ? "" : !all ? "no match" : at < 0 ? many : `${at + 1} of ${all.toLocaleString("en")}`;
  }

  /** @param {number} way */
  function match(way) {
    if (!matches.length) return;
    at = at < 0 && way < 0 ? matches.length - 1 : (at + way + matches.length) % matches.length;
    count();
    go(`#${matches[at].article.id}`, { replace: true });
  }

  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); match(event.shiftKey ? -1 : 1); }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); match(event.key === "ArrowUp" ? -1 : 1); }
    if (event.key === "Escape") {
      event.stopPropagation();
      if (search.value) { search.value = ""; find(); } else { search.blur(); if (stop) focus(stop); }
    }
  });

  // ---- buttons and keys

  /** @param {boolean} listing */
  function look(listing) {
    root.classList.toggle("listing", listing);
    for (const button of document.querySelectorAll(".views button")) {
      button.setAttribute("aria-pressed", String((button.getAttribute("data-do") === "list") === listing));
    }
    if (listing) for (const time of list.querySelectorAll("time")) time.title = time.dateTime;
    else if (open) reveal(boxes[Number(open.dataset.at)]);
  }

  /** @type {Record<string, () => void>} */
  const actions = {
    next: () => match(1), previous: () => match(-1), close, fit,
    in: () => zoom(view.k * 1.3), out: () => zoom(view.k / 1.3),
    picture: () => look(false), list: () => look(true),
    help: () => /** @type {HTMLDialogElement} */ (help).showModal(),
  };
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.dataset.do) actions[button.dataset.do]();
    if (button?.closest(".copy")) copy(button);
  });

  /** @param {HTMLButtonElement} button */
  async function copy(button) {
    const code = /** @type {HTMLElement} */ (button.previousElementSibling);
    getSelection()?.selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      // not allowed here: it is selected, Ctrl+C does the rest
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  }

  /** @type {Record<string, string>} */
  const keys = { "+": "in", "=": "in", "-": "out", 0: "fit", "?": "help", l: "list", g: "picture" };
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || help.hasAttribute("open")) return;
    if (event.key === "Escape" && open) { close(); return; }
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === "/") { event.preventDefault(); search.focus(); search.select(); return; }
    const action = keys[event.key.toLowerCase()];
    if (action) { event.preventDefault(); actions[action](); }
  });

  // ---- the first look

  // dashes of thousands of long lines take seconds to draw
  root.classList.toggle("many", boxes.length > MANY);
  if (stop) current(stop);
  begin();
  addEventListener("resize", show);
  const first = target(location.hash);
  if (first) select(first);
})();
