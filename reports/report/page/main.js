// Puts the page together: theme, choice of run, controls, and charts that are drawn when seen.

const findings = JSON.parse(document.getElementById("findings").textContent);
const dialog = document.getElementById("drill");
const pending = new Map();
const watcher = new IntersectionObserver(entries => {
  for (const entry of entries) if (entry.isIntersecting && pending.has(entry.target)) drawNow(entry.target);
}, { rootMargin: "300px" });
const drawNow = host => { const draw = pending.get(host); pending.delete(host); watcher.unobserve(host); draw(); };
const whenSeen = (host, draw) => { pending.set(host, draw); watcher.observe(host); };

function remember(key, value) {
  // A page from disk may have no storage; the choice then lasts as long as the page.
  try { if (value === undefined) return localStorage.getItem(key); localStorage.setItem(key, value); } catch { /* no storage */ }
  return null;
}

function theme() {
  const button = document.getElementById("theme"), root = document.documentElement;
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const say = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
  const told = remember("adabench-theme");
  if (told === "dark" || told === "light") root.dataset.theme = told;
  button.hidden = false;
  button.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; remember("adabench-theme", root.dataset.theme); say(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();
}

function chooser() {
  const select = document.getElementById("run");
  if (!select) return;
  const runs = [...document.querySelectorAll("article.run")];
  const show = () => runs.forEach((run, r) => { run.hidden = select.value !== "all" && Number(select.value) !== r; });
  select.onchange = show;
  select.closest("label").hidden = false;
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.closest("article.run")?.hidden) { select.value = "all"; show(); target.scrollIntoView(); }
  });
}

/** Make tabs of the parts of a run; a link to anything in a part opens it. */
function tabs(run) {
  const nav = run.querySelector("nav.tabs"), list = nav.querySelector("ul"), links = [...list.querySelectorAll("a")];
  const panels = links.map(link => document.getElementById(link.hash.slice(1)));
  const open = (k, focus) => {
    panels.forEach((panel, i) => { panel.hidden = i !== k; });
    links.forEach((link, i) => { link.setAttribute("aria-selected", String(i === k)); link.tabIndex = i === k ? 0 : -1; });
    if (focus) links[k].focus();
  };
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", nav.getAttribute("aria-label"));
  nav.setAttribute("role", "presentation");
  nav.removeAttribute("aria-label");
  links.forEach((link, k) => {
    link.parentElement.setAttribute("role", "presentation");
    link.setAttribute("role", "tab");
    link.id = `${panels[k].id}-tab`;
    link.setAttribute("aria-controls", panels[k].id);
    panels[k].setAttribute("role", "tabpanel");
    panels[k].setAttribute("aria-labelledby", link.id);
    link.onclick = event => { event.preventDefault(); open(k); history.replaceState(null, "", link.hash); };
    link.onkeydown = event => {
      const to = { ArrowRight: k + 1, ArrowLeft: k - 1, Home: 0, End: links.length - 1 }[event.key];
      if (to !== undefined) { event.preventDefault(); open((to + links.length) % links.length, true); }
    };
  });
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const k = panels.findIndex(panel => panel.contains(target));
    if (!target || k < 0) return;
    open(k);
    target.closest("details")?.setAttribute("open", "");
    target.scrollIntoView();
  };
  open(0);
  reveal();
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => panels.forEach(panel => { panel.hidden = false; }));
  addEventListener("afterprint", () => open(links.findIndex(link => link.getAttribute("aria-selected") === "true")));
}

/** Fold away the methods that the question does not turn on. */
function board(table) {
  const rest = [...table.querySelectorAll("tr.rest")];
  if (!rest.length) return;
  const total = table.querySelectorAll("tbody tr:not(.group)").length;
  const button = element("button", { type: "button", "aria-pressed": "false" });
  const show = on => {
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Show fewer methods" : `Show all ${total} methods`;
    table.classList.toggle("few", !on);
  };
  button.onclick = () => show(table.classList.contains("few"));
  show(false);
  table.closest(".front").querySelector(".board-head .controls").append(button);
}

/** What the reader has chosen for a task; charts that watch are told of an isolated method. */
function taskState(task) {
  const watching = [];
  return {
    isolated: new Set(),
    watch: heard => { watching.push(heard); heard(); },
    isolate(m) {
      if (m === null) this.isolated.clear();
      else if (this.isolated.has(m)) this.isolated.delete(m);
      else { this.isolated.clear(); this.isolated.add(m); }
      watching.forEach(heard => heard());
    },
  };
}

function labelled(text, control, kind = "") {
  // A label around a select would be read with all its options.
  if (control.tagName === "SELECT") control.setAttribute("aria-label", text);
  return element("label", kind ? { class: kind } : {}, ...(kind ? [control, text] : [text, control]));
}
function choice(options, chosen, changed) {
  const groups = new Map();
  for (const [value, text, group] of options) {
    const option = element("option", { value, selected: value === chosen }, brief(text, 48));
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(option);
  }
  const select = element("select");
  for (const [group, members] of groups) select.append(...(group ? [element("optgroup", { label: group }, ...members)] : members));
  select.onchange = () => changed(select.value);
  return select;
}
function tickbox(checked, changed) {
  const box = element("input", { type: "checkbox" });
  box.checked = checked;
  box.onchange = () => changed(box.checked);
  return box;
}
const GROUPS = { quality: "quality", work: "work", cost: "cost", info: "recorded beside" };
const optionsOf = (task, wanted) => task.metrics
  .map((metric, m) => [String(m), titled(metric), GROUPS[metric.role], metric.role])
  .filter(option => wanted(option[3], option[0]));

function plotSection(host, task, shared) {
  const stage = host.querySelector(".stage"), status = host.querySelector(".readout"), caption = host.querySelector("figcaption");
  const controls = host.querySelector(".controls");
  const recorded = m => task.values[m][0].filter(known).map(Number).filter(Number.isFinite);
  const state = Object.create(shared);
  Object.assign(state, { x: task.work, y: task.quality, intervals: task.methods.length <= MANY, at: {} });
  for (const one of task.conditions) if (!one.free && known(one.at)) state.at[one.name] = one.at;
  const boxes = {};
  const auto = axis => {
    const values = recorded(state[axis]);
    state[axis + "Log"] = values.length > 0 && spans(values, axis === "x" ? 20 : 1000);
    if (boxes[axis]) boxes[axis].checked = state[axis + "Log"];
  };
  auto("x"); auto("y");
  const draw = () => { if (stage.clientWidth) drawPlane(stage, status, caption, task, state); };
  const axis = (name, wanted) => choice(optionsOf(task, wanted), String(state[name]), value => { state[name] = Number(value); auto(name); draw(); });
  boxes.x = tickbox(state.xLog, on => { state.xLog = on; draw(); });
  boxes.y = tickbox(state.yLog, on => { state.yLog = on; draw(); });
  controls.append(
    labelled("Across", axis("x", role => role !== "quality")), labelled("Up", axis("y", role => role === "quality")),
    labelled("log across", boxes.x, "check"), labelled("log up", boxes.y, "check"),
    labelled("intervals", tickbox(state.intervals, on => { state.intervals = on; draw(); }), "check"));
  for (const one of task.conditions) {
    if (one.free || one.values.length < 2) continue;
    const options = one.values.map((value, k) => [String(k), String(value), ""]);
    controls.append(labelled(brief(one.name, 30), choice(options, String(one.values.indexOf(one.at)), k => { state.at[one.name] = one.values[k]; draw(); })));
  }
  const all = element("button", { type: "button", class: "all" }, "Show all methods");
  all.onclick = () => state.isolate(null);
  controls.append(all);
  legend(host.querySelector(".legend"), task, shared);
  whenSeen(stage, () => { shared.watch(() => { all.hidden = !shared.isolated.size; draw(); }); resized(stage, draw); });
}
function curveSection(host, task, shared) {
  const stage = host.querySelector(".stage"), status = host.querySelector(".readout"), caption = host.querySelector("figcaption");
  const state = Object.create(shared), relative = tickbox(true, on => { state.relative = on; auto(); draw(); });
  const logBox = tickbox(false, on => { state.yLog = on; draw(); });
  const index = name => Math.max(0, task.metrics.findIndex(metric => metric.name === name));
  const metricChoice = choice(optionsOf(task, () => true), "0", value => { state.metric = Number(value); auto(); draw(); });
  const relativeLabel = labelled("relative to the oracle", relative, "check");
  const auto = () => {
    const ys = curvePoints(task, task.curves[state.over], state).map(p => p.y);
    state.yLog = logBox.checked = ys.length > 0 && spans(ys, 10);
  };
  const take = over => {
    const curve = task.curves[over];
    const has = curve.oracle >= 0 && curve.lines.some(line => line[0] === curve.oracle);
    Object.assign(state, { over, metric: index(curve.metric), relative: has });
    metricChoice.value = String(state.metric);
    relative.checked = has;
    relativeLabel.hidden = !has;
    auto();
  };
  const draw = () => { if (stage.clientWidth) drawCurves(stage, status, caption, task, state); };
  take(0);
  const overs = choice(task.curves.map((curve, k) => [String(k), curve.over, ""]), "0", k => { take(Number(k)); draw(); });
  host.querySelector(".controls").append(labelled("Over", overs), labelled("Metric", metricChoice), relativeLabel, labelled("log up", logBox, "check"));
  whenSeen(stage, () => { shared.watch(draw); resized(stage, draw); });
}
function resized(stage, draw) {
  let last = stage.clientWidth;
  new ResizeObserver(() => { if (stage.clientWidth && stage.clientWidth !== last) { last = stage.clientWidth; draw(); } }).observe(stage);
}
function pointsSection(host, task) {
  const drill = task.inside.some(Boolean) ? i => openDrill(dialog, task, i) : null;
  host.addEventListener("toggle", () => { if (host.open && !host.querySelector("table")) pointsTable(host, task, drill); });
}

theme();
chooser();
const states = new Map();
for (const host of document.querySelectorAll("[data-task]")) {
  const task = findings.runs[Number(host.dataset.run)].tasks[Number(host.dataset.task)];
  if (!states.has(task)) states.set(task, taskState(task));
  const shared = states.get(task);
  const plot = host.querySelector(".quality-cost"), curves = host.querySelector(".curves"), points = host.querySelector("details.points");
  if (plot) plotSection(plot, task, shared);
  if (curves) curveSection(curves, task, shared);
  if (points) pointsSection(points, task);
}
for (const table of document.querySelectorAll("article.run table")) if (table.tHead) sortable(table);
for (const table of document.querySelectorAll(".board table")) board(table);
for (const input of document.querySelectorAll("input[data-filters]")) {
  const table = document.getElementById(input.dataset.filters);
  input.closest("label").hidden = false;
  input.oninput = () => { table.classList.toggle("filtered", Boolean(input.value.trim())); for (const body of table.tBodies) filterRows(body, input.value, ""); };
}
document.querySelectorAll("article.run").forEach(tabs);
addEventListener("beforeprint", () => [...pending.keys()].forEach(drawNow));
document.documentElement.dataset.ready = "";
