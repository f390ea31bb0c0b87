// What all charts share: looks of methods, scales, ticks, the tip, stepping through points by key.
const SYMBOLS = ["Circle", "Square", "Triangle", "Diamond", "Plus", "Wye", "Times", "Star", "Square2",
  "Triangle2", "Diamond2", "Asterisk"].map(name => Plot["symbol" + name]);
const STROKED = new Set([4, 6, 8, 9, 10, 11]);
const ROLES = ["adaptive", "static", "control", "oracle"];

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
};
const colour = method => method.hue >= 0 ? `var(--hue${method.hue})` : method.role === "oracle" ? "var(--oracle)" : "var(--other)";
const symbolOf = method => SYMBOLS[method.mark % SYMBOLS.length];
const stroked = method => STROKED.has(method.mark % SYMBOLS.length);
const pointerPart = text => String(text).replaceAll("~", "~0").replaceAll("/", "~1");
const brief = (text, most = 60) => text.length > most ? text.slice(0, most - 1) + "…" : text;

/** A name that may break after its underscores, in its own direction of writing. */
const named = text => element("bdi", { class: text.split(/[\s_]/).some(word => word.length > 32) ? "long" : null }, ...text.split(/(?<=_)/).flatMap((part, k) => k ? [document.createElement("wbr"), part] : [part]));
const captioned = (title, note) => element("caption", {}, element("span", { class: "title" }, title, note ? element("small", {}, note) : null));

/** The recorded estimate of metric m in row i of a task, or null. */
function estimate(task, m, i) {
  const [value, low, high, n] = task.values[m].map(column => column[i]);
  if (!known(value)) return null;
  const ref = `summary/${task.rows[i][0]}/metrics/${pointerPart(task.metrics[m].name)}`;
  return { value: number(value), low: number(low), high: number(high), n, ref };
}
/** A number as an element that carries its exact value and where it stands in `run --json`. */
function figure(value, text, ref) {
  const attributes = { class: "num", "data-value": String(value) };
  if (ref) attributes["data-ref"] = ref;
  return element("span", attributes, text);
}
/** A mean with its interval and, for joules, its label. */
function told(metric, found, unit = metric.unit) {
  if (!found) return [metric.unit === "J" ? "unavailable" : "–"];
  const parts = [figure(found.value, (metric.label === "est." ? "~" : "") + quantity(found.value, unit), found.ref + "/estimate")];
  if (metric.label) parts.push(metric.label === "est." ? " est." : ` (${metric.label})`);
  if (metric.label !== "est.") parts.push(...interval(found, unit));
  return parts;
}
function interval(found, unit) {
  if (found.low === null || found.high === null) return [];
  if (found.low === found.value && found.high === found.value) return [" constant"];
  const [low, high] = ends(found.low, found.high, found.value, unit);
  const comma = /,/.test(low + high) ? "; " : ", ";
  return [" [", figure(found.low, low, found.ref + "/low"), comma, figure(found.high, high, found.ref + "/high"), "]"];
}
const PLAIN_UNITS = new Set(["", "1", "s", "J", "W", "bytes", "B"]);
const titled = metric => {
  const unit = PLAIN_UNITS.has(metric.unit) || metric.unit === metric.name ? "" : ` (${metric.unit})`;
  return metric.name + (metric.label ? ` (${metric.label})` : "") + unit;
};
const arrow = metric => metric.better === "higher" ? "↑" : "↓";
const setting = row => Object.entries({ ...row[2], ...row[3] }).map(([k, v]) => `${k}=${v}`).join(", ");

// Scales

function domain(values, log) {
  let low = Math.min(...values), high = Math.max(...values);
  if (log) {
    const pad = low === high ? 1.3 : (high / low) ** 0.05;
    return [low / pad, high * pad];
  }
  const pad = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * 0.06;
  return [low - pad, high + pad];
}
function ticks([low, high], log, count) {
  if (!log) return Plot.ticks(low, high, count);
  const decades = Math.log10(high / low);
  const multiples = decades > count ? [1] : decades > count / 3 ? [1, 3] : [1, 2, 5];
  const step = Math.max(1, Math.ceil(decades / count));
  const found = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    if (e % step && multiples.length === 1) continue;
    for (const m of multiples) if (m * 10 ** e >= low && m * 10 ** e <= high) found.push(m * 10 ** e);
  }
  return found.length > 1 ? found : Plot.ticks(low, high, count).filter(v => v > 0);
}
const spans = (values, factor) => Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > factor;
const place = (value, [low, high], log) => log
  ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);

function axes(width, height, margins, x, y) {
  const across = Math.max(3, Math.floor((width - margins.left - margins.right) / 85));
  const options = (axis, count) => ({
    type: axis.log ? "log" : "linear", domain: axis.domain, label: null,
    ...(axis.reverse ? { reverse: true } : {}),
  });
  const xs = x.ticks || ticks(x.domain, x.log, across), ys = ticks(y.domain, y.log, 6);
  const shape = { fontSize: 12, tickSize: 4, color: "var(--soft)" };
  return {
    scales: { x: options(x), y: options(y) },
    marks: [
      Plot.gridY(ys, { stroke: "var(--rule)", strokeOpacity: 1 }),
      Plot.gridX(xs, { stroke: "var(--rule)", strokeOpacity: .6 }),
      Plot.axisX(xs, { ...shape, tickFormat: x.format || (v => tick(v, x.unit)), label: x.label, labelAnchor: "center", labelArrow: "none", labelOffset: 40 }),
      Plot.axisY(ys, { ...shape, tickFormat: v => tick(v, y.unit), label: y.label, labelAnchor: "top", labelArrow: "none" }),
    ],
  };
}

/** The marks of one method: band, line, whiskers, dots. Points have x, y and perhaps their ends. */
function methodMarks(method, line, points, look) {
  const stroke = colour(method), opacity = look.faded ? 0.12 : look.quiet ? 0.35 : 1;
  const dash = method.role === "oracle" ? "1.5,3" : null;
  const marks = [];
  const banded = line.filter(p => known(p.yLow) && known(p.yHigh));
  if (look.band && banded.length > 1) {
    marks.push(Plot.areaY(banded, { x: "x", y1: "yLow", y2: "yHigh", fill: stroke, fillOpacity: .14 }));
  }
  if (line.length > 1 && look.joined) {
    marks.push(Plot.line(line, { x: "x", y: "y", stroke, strokeWidth: method.role === "adaptive" ? 1.9 : 1.4, strokeOpacity: opacity, strokeDasharray: dash }));
  }
  if (look.whiskers && !look.faded) {
    const whisker = { stroke, strokeWidth: 1, strokeOpacity: .55 };
    marks.push(Plot.ruleX(points.filter(p => known(p.yLow) && p.yLow !== p.yHigh), { x: "x", y1: "yLow", y2: "yHigh", ...whisker }));
    marks.push(Plot.ruleY(points.filter(p => known(p.xLow) && p.xLow !== p.xHigh), { y: "y", x1: "xLow", x2: "xHigh", ...whisker }));
  }
  const dot = { x: "x", y: "y", symbol: symbolOf(method), r: 3.6 };
  const paint = stroked(method) ? { stroke, fill: "none", strokeWidth: 1.5 } : { fill: stroke };
  for (const [own, alpha] of [[points.filter(p => p.best), opacity], [points.filter(p => !p.best), .35 * opacity]]) {
    if (own.length) marks.push(Plot.dot(own, { ...dot, ...paint, opacity: alpha }));
  }
  return marks;
}

/** Let pointer and arrow keys walk over the points of a chart; `points` have px, py, index. */
function explore(stage, status, points, describe, act) {
  const tip = element("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  const ring = element("div", { class: "ring", hidden: true });
  stage.append(tip, ring);
  const order = [...points].sort((a, b) => a.px - b.px || a.py - b.py);
  let at = -1;
  const factor = () => { const svg = stage.querySelector("svg"); return svg.getBoundingClientRect().width / svg.viewBox.baseVal.width; };
  const show = point => {
    tip.hidden = ring.hidden = !point;
    if (!point) return;
    at = order.indexOf(point);
    const scale = factor();
    tip.replaceChildren(...describe(point));
    ring.style.left = `${point.px * scale}px`;
    ring.style.top = `${point.py * scale}px`;
    const left = point.px * scale + 14, beyond = left + tip.offsetWidth - stage.clientWidth;
    tip.style.left = `${Math.max(0, beyond > 0 ? point.px * scale - tip.offsetWidth - 14 : left)}px`;
    tip.style.top = `${Math.max(0, point.py * scale - tip.offsetHeight / 2)}px`;
  };
  const nearest = event => {
    const box = stage.getBoundingClientRect(), scale = factor();
    const x = (event.clientX - box.left) / scale, y = (event.clientY - box.top) / scale;
    let best = null, least = 32 ** 2;
    for (const point of points) {
      const far = (point.px - x) ** 2 + (point.py - y) ** 2;
      if (far < least) [best, least] = [point, far];
    }
    return best;
  };
  stage.onpointermove = event => show(nearest(event));
  stage.onpointerleave = () => show(null);
  stage.onclick = event => { const point = nearest(event); if (point) act(point); };
  stage.onblur = () => show(null);
  stage.onkeydown = event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && order.length) {
      event.preventDefault();
      show(order[(at + step + order.length) % order.length]);
      status.textContent = tip.textContent ? [...tip.children].map(part => part.textContent).join("; ") : "";
    } else if (event.key === "Enter" && at >= 0) { event.preventDefault(); act(order[at]); }
    else if (event.key === "Escape") act(null);
  };
}
