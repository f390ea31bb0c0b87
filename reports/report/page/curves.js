// A metric over a condition or a knob that was swept, one line per method.

function curvePoints(task, curve, state) {
  const oracle = state.relative ? curve.lines.find(line => line[0] === curve.oracle) : null;
  const valueOf = i => { const row = task.rows[i]; return row[3][curve.over] ?? row[2][curve.over]; };
  const base = new Map(oracle ? oracle[1].map(i => [valueOf(i), estimate(task, state.metric, i)?.value]) : []);
  const points = [];
  for (const [method, rows] of curve.lines) {
    if (oracle && method === curve.oracle) continue;
    for (const i of rows) {
      const found = estimate(task, state.metric, i), value = valueOf(i), by = oracle ? base.get(value) : 1;
      if (!found || !Number.isFinite(found.value) || !(by > 0)) continue;
      const x = curve.even ? curve.values.indexOf(value) : Number(value);
      const end = e => e === null || !Number.isFinite(e) ? null : e / by;
      points.push({ i, method, x, y: found.value / by, yLow: end(found.low), yHigh: end(found.high), best: true, by: oracle ? by : null });
    }
  }
  return points;
}

function drawCurves(stage, status, caption, task, state) {
  const curve = task.curves[state.over], metric = task.metrics[state.metric];
  let points = curvePoints(task, curve, state);
  const log = state.yLog && points.some(p => p.y > 0);
  const left = log ? points.filter(p => p.y <= 0).length : 0;
  if (log) {
    points = points.filter(p => p.y > 0);
    for (const p of points) if (p.yLow <= 0) p.yLow = p.yHigh = null;
  }
  const width = Math.max(280, stage.clientWidth), height = Math.round(Math.min(400, Math.max(280, width * .42)));
  stage.querySelectorAll("svg, .tip, .ring, .empty").forEach(old => old.remove());
  const relative = state.relative ? `, times that of ${task.methods[curve.oracle].name}` : "";
  caption.textContent = [
    `${titled(metric)}${relative}, as ${curve.over} goes from ${curve.values[0]} to ${curve.values[curve.values.length - 1]}; ${metric.better} is better.`,
    curve.ordered ? "Bands: 95 % intervals." : "Bars: 95 % intervals.",
    curve.held ? `Held at ${curve.held}.` : "",
    left ? `Not drawn, since not above 0 on a logarithmic axis: ${left}.` : "",
  ].filter(Boolean).join(" ");
  if (!points.length) {
    stage.append(element("p", { class: "empty" }, `${metric.name} was not recorded over ${curve.over}.`));
    return;
  }
  const methods = [...new Set(points.map(p => p.method))];
  const shown = methods.filter(m => !state.isolated.size || state.isolated.has(m));
  const wanted = state.isolated.size ? shown : task.named.filter(m => shown.includes(m));
  const margins = { left: 64, right: 18, top: 30, bottom: 46 };
  const xs = points.map(p => p.x);
  const xLog = !curve.even && spans(xs, 20);
  const x = !curve.even
    ? { log: xLog, domain: domain(xs, xLog), unit: "", label: curve.over }
    : { log: false, domain: [-.5, curve.values.length - .5], ticks: curve.values.map((_, k) => k), format: k => brief(String(curve.values[k]), 14), label: curve.over };
  if (!curve.ordered) spreadSideways(points, methods);
  const ys = points.flatMap(p => [p.y, p.yLow, p.yHigh].filter(known));
  const y = { log, domain: domain(state.relative ? [...ys, 1] : ys, log), unit: state.relative ? "" : metric.unit, label: `${titled(metric)}${relative ? ", times the oracle's" : ""} ${arrow(metric)}` };
  const base = axes(width, height, margins, x, y), marks = [...base.marks];
  if (state.relative) marks.push(Plot.ruleY([1], { stroke: "var(--oracle)", strokeDasharray: "1.5,3" }));
  const faded = m => state.isolated.size > 0 && !state.isolated.has(m);
  for (const m of methods) {
    const own = points.filter(p => p.method === m);
    marks.push(...methodMarks(task.methods[m], own, own, { faded: faded(m), quiet: shown.length > MANY && !task.named.includes(m), joined: curve.ordered, band: curve.ordered && !faded(m) && methods.length <= 14, whiskers: !curve.ordered }));
  }
  const inner = height - margins.top - margins.bottom;
  const down = value => margins.top + inner * (1 - place(value, y.domain, y.log));
  const across = value => margins.left + (width - margins.left - margins.right) * place(value, x.domain, x.log);
  const pixels = list => list.map(p => [across(p.x), down(p.y)]);
  const labels = wanted.map(m => ({ text: task.methods[m].name, stroke: colour(task.methods[m]), line: pixels(points.filter(p => p.method === m)) }));
  marks.push(directLabels(labels, pixels(points), [margins.left + 2, margins.top, width - 2, height - margins.bottom - 2]));
  const svg = Plot.plot({
    width, height, marginLeft: margins.left, marginRight: margins.right, marginTop: margins.top, marginBottom: margins.bottom,
    x: base.scales.x, y: base.scales.y, marks, style: { fontSize: "12px", background: "none", color: "inherit" },
  });
  accessible(svg, caption.textContent);
  stage.prepend(svg);
  for (const p of points) [p.px, p.py] = [across(p.x), down(p.y)];
  explore(stage, status, points.filter(p => !faded(p.method)), p => describeCurve(task, state, p), p => state.isolate(p ? p.method : null));
  stage.dataset.points = points.length;
}
/** Words have no line between them: their points stand side by side. */
function spreadSideways(points, methods) {
  for (const p of points) p.x += .6 * ((methods.indexOf(p.method) + .5) / methods.length - .5);
}
function describeCurve(task, state, p) {
  const metric = task.metrics[state.metric], found = estimate(task, state.metric, p.i);
  return [
    element("b", {}, brief(task.methods[p.method].name)),
    element("span", { class: "soft" }, brief(setting(task.rows[p.i]), 160)),
    element("span", {}, `${metric.name} `, ...told(metric, found)),
    p.by ? element("span", {}, `${quantity(p.y)} times that of ${brief(task.methods[task.curves[state.over].oracle].name, 24)}`) : null,
    element("span", { class: "soft" }, "n ", figure(found.n, quantity(found.n, "cases"), found.ref + "/n")),
  ].filter(Boolean);
}
