// Inside an operating point: its groups of cases, and its cases from the cheapest to the dearest.

function openDrill(dialog, task, i) {
  const row = task.rows[i], method = task.methods[row[1]], [cases, quantiles, groups] = task.inside[i];
  const names = Object.keys(quantiles);
  const metric = name => task.metrics.find(one => one.name === name) || { name, unit: "", better: "lower", label: "" };
  const title = element("h2", { id: "drill-title" }, brief(method.name, 120));
  const close = element("button", { type: "button" }, "Close");
  close.onclick = () => dialog.close();
  const body = element("div");
  dialog.replaceChildren(element("header", {}, title, close), element("p", { class: "note" }, brief(setting(row) || "no knobs", 400)), body);
  dialog.setAttribute("aria-labelledby", "drill-title");
  if (groups.length) body.append(groupTable(groups, names.map(metric)));
  else body.append(element("p", { class: "note" }, "The cases have no groups that could be told apart here."));
  body.append(element("h3", {}, "By case, the cheapest first"), element("p", { class: "note" },
    `${quantity(cases, "cases")} cases, each averaged over its seeds${cases > 21 ? ", as 21 quantiles" : ""}. ` +
    "A steep right end: a few cases take most. Six digits are kept; the means of the run are in the tables."));
  const choose = element("select", { "aria-label": "Metric" }, ...names.map(name => element("option", { value: name }, titled(metric(name)))));
  const stage = element("div", { class: "stage small" });
  const draw = () => drawQuantiles(stage, metric(choose.value), quantiles[choose.value]);
  choose.onchange = draw;
  body.append(element("div", { class: "controls" }, element("label", {}, "Metric", choose)), stage);
  body.append(quantileTable(names.map(metric), quantiles));
  const varied = names.find(name => quantiles[name].length > 1);
  if (varied) choose.value = varied;
  dialog.showModal();
  if (names.length) draw();
}
function exact(metric, value) {
  const text = (metric.label === "est." ? "~" : "") + quantity(value, metric.unit);
  const label = metric.label ? (metric.label === "est." ? " est." : ` (${metric.label})`) : "";
  return [figure(value, text), label];
}
function groupTable(groups, metrics) {
  const tops = metrics.map(one => Math.max(...groups.map(group => number(group[2][one.name]) ?? 0)));
  const heads = [element("th", { scope: "col" }, "group"), element("th", { scope: "col", class: "right" }, "cases"),
    ...metrics.map(one => element("th", { scope: "col", class: "right" }, titled(one)))];
  const rows = groups.map(([name, n, means]) => element("tr", {}, element("th", { scope: "row" }, brief(name || "(no name)", 80)),
    element("td", { class: "right" }, figure(n, quantity(n, "cases"))),
    ...metrics.map((one, k) => {
      const value = number(means[one.name]);
      if (value === null) return element("td", { class: "right mute" }, "–");
      const bar = element("i", { "aria-hidden": "true", style: `width:${tops[k] > 0 ? Math.max(0, 100 * value / tops[k]).toFixed(1) : 0}%` });
      return element("td", { class: "right amount" }, ...exact(one, value), bar);
    })));
  const table = element("table", {}, captioned("Means by group", "Bars: relative to the largest of the column."),
    element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  sortable(table);
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Means by group" }, table);
}
function drawQuantiles(stage, metric, recorded) {
  const values = recorded.map(number);
  const points = values.map((y, k) => ({ x: 100 * k / (values.length - 1), y })).filter(p => Number.isFinite(p.y));
  stage.replaceChildren();
  if (points.length < 2) {
    stage.append(element("p", { class: "empty" }, `${metric.name} is the same in all cases: `, ...exact(metric, values[0])));
    return;
  }
  const width = Math.max(280, stage.clientWidth), height = 260, margins = { left: 64, right: 18, top: 30, bottom: 46 };
  const log = spans(points.map(p => p.y), 100);
  const x = { log: false, domain: [0, 100], ticks: [0, 25, 50, 75, 100], format: v => `${v} %`, label: "share of cases" };
  const y = { log, domain: domain(points.map(p => p.y), log), unit: metric.unit, label: titled(metric) };
  const base = axes(width, height, margins, x, y);
  const svg = Plot.plot({
    width, height, marginLeft: margins.left, marginRight: margins.right, marginTop: margins.top, marginBottom: margins.bottom,
    x: base.scales.x, y: base.scales.y, style: { fontSize: "12px", background: "none", color: "inherit" },
    marks: [...base.marks, Plot.line(points, { x: "x", y: "y", stroke: "var(--hue0)", strokeWidth: 1.8 }), Plot.dot(points, { x: "x", y: "y", r: 2.6, fill: "var(--hue0)" })],
  });
  accessible(svg, `${titled(metric)} of the cases in rising order; the table below holds the numbers.`);
  stage.append(svg);
}
function quantileTable(metrics, quantiles) {
  const picked = [["least", 0], ["25 %", .25], ["median", .5], ["75 %", .75], ["largest", 1]];
  const rows = metrics.map(one => {
    const values = quantiles[one.name].map(number);
    return element("tr", {}, element("th", { scope: "row" }, titled(one)), ...picked.map(([, share]) => {
      const at = share * (values.length - 1), low = Math.floor(at);
      const value = values[low] + (at - low) * ((values[low + 1] ?? values[low]) - values[low]);
      return element("td", { class: "right" }, ...exact(one, value));
    }));
  });
  const heads = [element("th", { scope: "col" }, "metric"), ...picked.map(([name]) => element("th", { scope: "col", class: "right" }, name))];
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Distribution over cases" },
    element("table", {}, captioned("Distribution over cases"), element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows)));
}
