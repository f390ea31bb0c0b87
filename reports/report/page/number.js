// Numbers as a reader wants them; the twin of units.py (tests compare the two).
const SCALES = {
  s: [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]],
  J: [[1e6, "MJ"], [1e3, "kJ"], [1, "J"], [1e-3, "mJ"], [1e-6, "µJ"], [1e-9, "nJ"]],
  W: [[1e3, "kW"], [1, "W"], [1e-3, "mW"]],
  bytes: [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]],
};
SCALES.B = SCALES.bytes;
const CONTINUOUS = new Set(["", "1", "ratio", "fraction", "share", "probability", "bits", "nats"]);
const HUGE = [[1e15, "P"], [1e12, "T"], [1e9, "G"]];
const SHOWN = new Set(["s", "ms", "µs", "ns", "MJ", "kJ", "J", "mJ", "µJ", "nJ", "kW", "W", "mW", "TiB", "GiB", "MiB", "KiB"]);
const RULER = ["s", "J", "W", "bytes", "B"];

/** A value of the document: JSON has no NaN and no infinity, so they come as words. */
const number = value => (value === null || value === undefined ? null : Number(value));
const known = value => value !== null && value !== undefined;

function scaleOf(value, unit) {
  const size = Math.abs(value), steps = RULER.includes(unit) ? SCALES[unit] : null;
  if (!steps) return HUGE.find(([step]) => size >= step) || [1, ""];
  if (size === 0) return steps.find(([step]) => step === 1);
  return steps.find(([step]) => size >= 0.9995 * step) || steps[steps.length - 1];
}
function decimals(value, digits) {
  if (value === 0) return 0;
  const rounded = Number(Math.abs(value).toExponential(digits - 1));
  return Math.max(0, digits - 1 - Math.floor(Math.log10(rounded)));
}
function write(value, places, unit) {
  const whole = value === 0 || (Number.isInteger(value) && !CONTINUOUS.has(unit) && !SHOWN.has(unit));
  if (!whole && places > 6) return value.toExponential(2).replace(/e([+-])(\d)$/, "e$10$2");
  const [integer, rest] = value.toFixed(whole ? 0 : places).split(".");
  return integer.replace(/\B(?=(\d{3})+(?!\d))/g, ",") + (rest ? "." + rest : "");
}
function quantity(value, unit = "", digits = 3) {
  if (!known(value)) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const [divisor, suffix] = scaleOf(value, unit);
  return `${write(value / divisor, decimals(value / divisor, digits), suffix || unit)} ${suffix}`.trim();
}
/** The two ends of an interval, in the prefix and with the decimals of the estimate. */
function ends(low, high, like, unit = "", digits = 3) {
  if (![low, high, like].every(Number.isFinite)) return [quantity(low, unit), quantity(high, unit)];
  const [divisor, suffix] = scaleOf(like, unit);
  const widest = Math.max(...[like, low, high].map(Math.abs)) / divisor;
  const places = decimals(like ? like / divisor : widest, digits);
  return [low, high].map(end => write(end / divisor, places, suffix || unit));
}
/** A tick of an axis: few digits, no trailing zeros. */
const tick = (value, unit) => 1e6 <= Math.abs(value) && Math.abs(value) < 1e9 && !(unit in SCALES || unit === "B")
  ? `${Number((value / 1e6).toPrecision(6))} M` : quantity(value, unit || "count", 3)
  .replace(/(\.\d*?)0+(?=\D*$)/, "$1").replace(/\.(?=\D*$)/, "");
