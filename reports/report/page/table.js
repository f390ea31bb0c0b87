// Tables: those of the page become sortable; that of all operating points is made here.

/** Give every heading of a table a button that sorts by it. */
function sortable(table) {
  const bodies = [...table.tBodies], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, i) => {
    if (head.dataset.fixed !== undefined || !bodies.some(body => body.rows.length)) return;
    const small = head.querySelector("small");
    const button = element("button", { type: "button" });
    button.append(...[...head.childNodes].filter(node => node !== small));
    head.replaceChildren(button, ...(small ? [small] : []));
    button.onclick = () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      for (const body of bodies) sortBy(body, i, up);
    };
  });
}
function sortBy(body, i, up) {
  const rows = [...body.rows].filter(row => !row.classList.contains("group"));
  const keys = new Map(rows.map(row => [row, sortKey(row.cells[i])]));
  const numeric = [...keys.values()].some(key => typeof key === "number");
  // What was not measured, or is not a number, comes last in both orders.
  const last = key => numeric ? typeof key !== "number" || Number.isNaN(key) : key === "" || key === "–";
  body.append(...rows.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (last(x) || last(y)) return last(x) - last(y);
    return (up ? 1 : -1) * (numeric ? Math.sign(x - y) || 0 : x.localeCompare(y));
  }));
}
function sortKey(cell) {
  const told = cell.dataset.sort ?? cell.querySelector("[data-value]")?.dataset.value ?? cell.dataset.value;
  return told === undefined || told === "" ? cell.textContent.trim() : Number(told);
}

/** Keep the rows that hold every word of the query. */
function filterRows(body, query, role) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of body.rows) {
    if (row.classList.contains("group")) continue;
    const text = row.dataset.text ?? (row.dataset.text = row.textContent.toLowerCase());
    const kept = words.every(word => text.includes(word)) && (!role || row.dataset.role === role);
    row.hidden = !kept;
    shown += kept;
  }
  return shown;
}

/** Every operating point with every metric: drawn when it is opened. */
function pointsTable(host, task, drill) {
  const settings = [...new Set(task.rows.flatMap(row => Object.keys(row[3])))];
  const knobs = task.rows.some(row => Object.keys(row[2]).length);
  const heads = ["method", ...(drill ? ["cases"] : []), ...(knobs ? ["knobs"] : []), ...settings]
    .map((name, k) => element("th", { scope: "col", "data-fixed": Boolean(drill && k === 1) }, name));
  for (const metric of task.metrics) {
    const unit = PLAIN_UNITS.has(metric.unit) || metric.unit === metric.name ? null : element("small", {}, metric.unit);
    heads.push(element("th", { scope: "col", class: "right" + beside(metric) }, `${metric.name} ${arrow(metric)}`, unit));
  }
  heads.push(element("th", { scope: "col", class: "right" }, "n"));
  const order = task.rows.map((_, i) => i).sort((a, b) => task.rows[a][1] - task.rows[b][1] || a - b);
  const body = element("tbody", {}, ...order.map(i => pointRow(task, i, settings, knobs, drill)));
  const caption = captioned(`${brief(task.name)}: every operating point`, "Means with 95 % intervals. ↑ higher is better, ↓ lower is better.");
  const table = element("table", { class: "brief" }, caption, element("thead", {}, element("tr", {}, ...heads)), body);
  sortable(table);
  const search = element("input", { type: "search", placeholder: "method, knob, condition" });
  const roles = element("select", { "aria-label": "Role" }, element("option", { value: "" }, "all"), ...ROLES.filter(role => task.methods.some(m => m.role === role)).map(role => element("option", { value: role }, role)));
  const count = element("span", { class: "count", role: "status" });
  const all = element("input", { type: "checkbox" });
  all.onchange = () => table.classList.toggle("brief", !all.checked);
  const some = task.metrics.some(metric => beside(metric));
  const apply = () => { count.textContent = `${filterRows(body, search.value, roles.value)} of ${task.rows.length} shown`; };
  search.oninput = roles.onchange = apply;
  apply();
  host.append(
    element("div", { class: "controls" }, element("label", {}, "Filter", search), element("label", {}, "Role", roles),
      some ? element("label", { class: "check" }, all, "all that was recorded") : null, count),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${brief(task.name)}: every operating point` }, table),
  );
}
function pointRow(task, i, settings, hasKnobs, drill) {
  const row = task.rows[i], method = task.methods[row[1]];
  const knobs = Object.entries(row[2]).map(([k, v]) => `${k}=${v}`).join(", ");
  const made = element("tr", { "data-role": method.role, "data-point": i },
    element("th", { scope: "row", class: "strong" }, named(brief(method.name, 120)), element("small", {}, `${method.role} · ${method.fidelity}`)),
    drill ? insideCell(task, i, drill) : null,
    hasKnobs ? element("td", { class: knobs ? "wrap" : "mute" }, brief(knobs || "–", 200)) : null,
    ...settings.map(name => settingCell(row[3][name])),
    ...task.metrics.map((metric, m) => metricCell(metric, estimate(task, m, i))));
  const counts = task.metrics.map((_, m) => estimate(task, m, i)).filter(Boolean).sort((a, b) => b.n - a.n);
  made.append(counts.length ? element("td", { class: "right" }, figure(counts[0].n, quantity(counts[0].n, "cases"), counts[0].ref + "/n")) : element("td", {}, "–"));
  return made;
}
/** What instruments tell beside the results; shown on request. */
const ALWAYS = new Set(["latency_s", "energy_j", "energy_est_j"]);
const beside = metric => metric.role === "info" && !ALWAYS.has(metric.name) ? " beside" : "";
function insideCell(task, i, drill) {
  if (!task.inside[i]) return element("td", { class: "mute" }, "–");
  const hidden = ` ${brief(task.methods[task.rows[i][1]].name)} at ${brief(setting(task.rows[i]), 120)}`;
  const button = element("button", { type: "button", "aria-haspopup": "dialog" }, "Look inside", element("span", { class: "visually-hidden" }, hidden));
  button.onclick = () => drill(i);
  return element("td", {}, button);
}
function settingCell(value) {
  if (!known(value)) return element("td", { class: "mute" }, "–");
  return element("td", typeof value === "number" ? { "data-sort": value } : {}, brief(String(value), 60));
}
function metricCell(metric, found) {
  if (!found) return element("td", { class: "right mute" + beside(metric) }, metric.unit === "J" ? "unavailable" : "–");
  const [value, ...rest] = told(metric, found);
  return element("td", { class: "right" + beside(metric) }, value, rest.length ? element("small", {}, ...rest) : null);
}
