// Quality against cost of a task, the reader chooses both; and the legend that isolates.

/** The points that no other beats, the cheapest first. `sx`, `sy`: 1 if less x, more y is better. */
function front(points, sx, sy) {
  const sorted = [...points].sort((a, b) => sx * (a.x - b.x) || sy * (b.y - a.y));
  const found = [];
  for (const p of sorted) if (!found.length || sy * p.y > sy * found[found.length - 1].y) found.push(p);
  return found;
}
/** The corners of the least concave rising curve over all points. */
function hull(points, sx, sy) {
  const best = front(points, sx, sy), corners = best.slice(0, 1);
  while (corners.length) {
    const last = corners[corners.length - 1];
    let next = null, steepest = 0;
    for (const p of best) {
      const run = sx * (p.x - last.x), slope = run > 0 ? sy * (p.y - last.y) / run : -1;
      if (slope > steepest) [next, steepest] = [p, slope];
    }
    if (!next) break;
    corners.push(next);
  }
  return corners;
}
/** A straight line is a curve on a log axis. */
function between(corners) {
  const found = corners.slice(0, 1);
  for (let i = 1; i < corners.length; i++) {
    const a = corners[i - 1], b = corners[i];
    for (let k = 1; k <= 24; k++) found.push({ x: a.x + (b.x - a.x) * k / 24, y: a.y + (b.y - a.y) * k / 24 });
  }
  return found;
}

function plotPoints(task, state) {
  const points = [], left = [];
  task.rows.forEach((row, i) => {
    for (const one of task.conditions) {
      if (!one.free && one.name in state.at && row[3][one.name] !== state.at[one.name]) return;
    }
    const x = estimate(task, state.x, i), y = estimate(task, state.y, i);
    if (!x || !y) return;
    const point = { i, method: row[1], x: x.value, y: y.value, xLow: x.low, xHigh: x.high, yLow: y.low, yHigh: y.high };
    const drawable = (value, log) => Number.isFinite(value) && (!log || value > 0);
    if (drawable(x.value, state.xLog) && drawable(y.value, state.yLog)) points.push(point);
    else left.push(point);
  });
  for (const p of points) {
    if (state.xLog && p.xLow <= 0 || !Number.isFinite(p.xLow) || !Number.isFinite(p.xHigh)) p.xLow = p.xHigh = null;
    if (state.yLog && p.yLow <= 0 || !Number.isFinite(p.yLow) || !Number.isFinite(p.yHigh)) p.yLow = p.yHigh = null;
  }
  return [points, left];
}

function drawPlane(stage, status, caption, task, state) {
  const mx = task.metrics[state.x], my = task.metrics[state.y];
  const sx = mx.better === "higher" ? -1 : 1, sy = my.better === "higher" ? 1 : -1;
  const [points, left] = plotPoints(task, state);
  const width = Math.max(280, stage.clientWidth), height = Math.round(Math.min(470, Math.max(330, width * .56)));
  stage.querySelectorAll("svg, .tip, .ring, .empty").forEach(old => old.remove());
  caption.textContent = plotCaption(task, state, mx, my, points, left);
  if (!points.length) {
    stage.append(element("p", { class: "empty" }, "Nothing was recorded of both, under these conditions."));
    return;
  }
  const own = task.methods.map((_, m) => points.filter(p => p.method === m));
  const fronts = own.map(mine => front(mine, sx, sy));
  fronts.flat().forEach(p => { p.best = true; });
  const shownNames = own.map((mine, m) => mine.length && (!state.isolated.size || state.isolated.has(m)) ? m : -1).filter(m => m >= 0);
  const best = new Set(front(points.filter(p => task.methods[p.method].role !== "oracle"), sx, sy).map(p => p.method));
  const crowded = shownNames.length > MANY;
  const wanted = state.isolated.size ? shownNames : task.named.filter(m => shownNames.includes(m));
  const margins = { left: 64, right: 18, top: 30, bottom: 46 };
  const all = key => points.flatMap(p => [p[key], ...(state.intervals ? [p[key + "Low"], p[key + "High"]].filter(known) : [])]);
  const x = { log: state.xLog, domain: domain(all("x"), state.xLog), unit: mx.unit, label: `${titled(mx)} ${arrow(mx)}` };
  const y = { log: state.yLog, domain: domain(all("y"), state.yLog), unit: my.unit, label: `${titled(my)} ${arrow(my)}` };
  const base = axes(width, height, margins, x, y);
  const marks = [...base.marks];
  const statics = points.filter(p => task.methods[p.method].role === "static");
  const corners = hull(statics, sx, sy), mixed = between(corners);
  if (corners.length > 1) {
    const worst = sy > 0 ? y.domain[0] : y.domain[1];
    marks.push(Plot.areaY(mixed, { x: "x", y1: worst, y2: "y", fill: "var(--static)", fillOpacity: .09, clip: true }));
  }
  const order = task.methods.map((_, m) => m).sort((a, b) => task.named.includes(a) - task.named.includes(b));
  order.forEach(m => {
    const method = task.methods[m];
    if (!own[m].length) return;
    const faded = state.isolated.size > 0 && !state.isolated.has(m);
    const quiet = crowded && !state.isolated.size && !best.has(m) && !task.named.includes(m);
    const band = state.intervals && !faded && shownNames.length <= 6;
    marks.push(...methodMarks(method, fronts[m], own[m], { faded, quiet, band, joined: true, whiskers: state.intervals }));
  });
  const inner = height - margins.top - margins.bottom;
  const down = value => margins.top + inner * (1 - place(value, y.domain, y.log));
  const across = value => margins.left + (width - margins.left - margins.right) * place(value, x.domain, x.log);
  const pixels = list => list.map(p => [across(p.x), down(p.y)]);
  const named = wanted.map(m => ({ text: task.methods[m].name, stroke: colour(task.methods[m]), line: pixels(fronts[m]) }));
  if (corners.length > 1) {
    marks.push(Plot.line(mixed, { x: "x", y: "y", stroke: "var(--ink)", strokeWidth: 2, strokeOpacity: .75, strokeDasharray: "5,4" }));
    named.splice(4, 0, { text: "static mixture", stroke: "var(--soft)", line: pixels(mixed) });
  }
  marks.push(directLabels(named, pixels(points), [margins.left + 2, margins.top, width - 2, height - margins.bottom - 2]));
  const svg = Plot.plot({
    width, height, marginLeft: margins.left, marginRight: margins.right, marginTop: margins.top, marginBottom: margins.bottom,
    x: base.scales.x, y: base.scales.y, marks, style: { fontSize: "12px", background: "none", color: "inherit" },
  });
  accessible(svg, caption.textContent);
  stage.prepend(svg);
  for (const p of points) [p.px, p.py] = [across(p.x), down(p.y)];
  const live = points.filter(p => !state.isolated.size || state.isolated.has(p.method));
  explore(stage, status, live, p => describePoint(task, state, p), p => state.isolate(p ? p.method : null));
  stage.dataset.points = points.length;
  stage.dataset.hull = JSON.stringify(corners.map(p => [p.x, p.y]));
}
const accessible = (svg, words) => {
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words);
  for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
};

/** Of more methods than this, those that are not named are drawn quietly. */
const MANY = 14;

function plotCaption(task, state, mx, my, points, left) {
  const held = task.conditions.filter(one => !one.free && known(state.at[one.name])).map(one => `${one.name}=${state.at[one.name]}`);
  const names = new Set(points.map(p => p.method));
  const parts = [
    `${titled(my)} against ${titled(mx)} of ${names.size} methods at ${points.length} operating points; better is ${my.better === "higher" ? "up" : "down"} and ${mx.better === "higher" ? "right" : "left"}.`,
    "Dashed: the mixture of static methods, with its side shaded. Dotted: the oracle. Faint: dominated by the same method.",
    state.intervals ? "Whiskers and bands: 95 % intervals." : "",
    held.length ? `Held at ${held.join(", ")}.` : "",
    left.length ? `Not drawn, since not finite or not above 0 on a logarithmic axis: ${left.length} (${[...new Set(left.map(p => brief(task.methods[p.method].name, 24)))].slice(0, 6).join(", ")}).` : "",
  ];
  return parts.filter(Boolean).join(" ");
}
function describePoint(task, state, p) {
  const row = task.rows[p.i], method = task.methods[p.method];
  const line = m => element("span", {}, `${task.metrics[m].name} `, ...told(task.metrics[m], estimate(task, m, p.i)));
  return [
    element("b", {}, brief(method.name)),
    element("span", { class: "soft" }, brief(setting(row) || "no knobs", 160)),
    line(state.y), line(state.x),
    element("span", { class: "soft" }, "n ", figure(estimate(task, state.y, p.i).n, quantity(estimate(task, state.y, p.i).n, "cases"), estimate(task, state.y, p.i).ref + "/n"), ` · ${method.role} · ${method.fidelity}`),
  ];
}

/** The list of methods; pressing one isolates it in all charts of the task. */
function legend(list, task, state) {
  list.classList.toggle("many", task.methods.length > 16);
  const buttons = [];
  for (const role of ROLES) {
    const members = task.methods.map((method, m) => [method, m]).filter(([method]) => method.role === role);
    if (members.length) list.append(element("li", { class: "role" }, { adaptive: "Adaptive", static: "Static", control: "Controls", oracle: "Oracles" }[role]));
    for (const [method, m] of members) {
      const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      swatch.setAttribute("viewBox", "-9 -7 18 14");
      swatch.setAttribute("aria-hidden", "true");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", Plot.symbol(symbolOf(method), 52)());
      path.setAttribute("style", stroked(method) ? `fill:none;stroke:${colour(method)};stroke-width:1.6` : `fill:${colour(method)}`);
      swatch.append(path);
      const button = element("button", { type: "button", "aria-pressed": "false", title: method.name.length > 24 ? brief(method.name, 300) : null }, swatch, element("bdi", { class: "name" }, brief(method.name, 80)));
      button.onclick = () => state.isolate(m);
      buttons[m] = button;
      list.append(element("li", {}, button));
    }
  }
  state.watch(() => buttons.forEach((button, m) => {
    button.setAttribute("aria-pressed", String(state.isolated.has(m)));
    button.classList.toggle("dim", state.isolated.size > 0 && !state.isolated.has(m));
  }));
}
