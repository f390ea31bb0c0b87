// Names in a chart: beside a point of their own line, over no other name, never cut, and nearer to another line only if need be.
// The same rule as `reports/figures/label_places.py`, with the browser's own letter widths.
const SIDES = [[1, 0], [0, -1], [0, 1], [-1, 0], [1, -1], [1, 1], [-1, -1], [-1, 1]];
const widthOf = (() => {
  const context = document.createElement("canvas").getContext("2d");
  return text => { context.font = "12px system-ui, sans-serif"; return context.measureText(text).width + 2; };
})();

/** Points along a line of [x, y], at most `step` apart. */
function along(line, step) {
  const found = line.slice(0, 1);
  for (let i = 1; i < line.length; i++) {
    const [ax, ay] = line[i - 1], [bx, by] = line[i], parts = Math.max(1, Math.ceil(Math.hypot(bx - ax, by - ay) / step));
    for (let k = 1; k <= parts; k++) found.push([ax + (bx - ax) * k / parts, ay + (by - ay) * k / parts]);
  }
  return found;
}
/** How far the nearest of some points is from a box; inside it is 0. */
function awayFrom([left, top, right, bottom], points) {
  let least = Infinity;
  for (const [x, y] of points) least = Math.min(least, Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom)));
  return least;
}
/** Where each name stands: { text, anchors, line } in, its middle [x, y] or null out. */
function placeNames(names, points, frame, gap = 8, height = 13) {
  const held = [];
  return names.map(({ text, anchors, line }) => {
    const wide = widthOf(text) / 2, high = height / 2, mine = new Set([...line, ...anchors].map(String));
    const others = points.filter(spot => !mine.has(String(spot)));
    let best = null, least = Infinity;
    [1, 2.2, 4, 6.5, 10].forEach((factor, ring) => anchors.forEach(([ax, ay], rank) => SIDES.forEach(([across, down], turn) => {
      const far = gap * factor * (across && down ? .75 : 1), x = ax + across * (far + wide), y = ay + down * (far + high);
      const box = [x - wide, y - high, x + wide, y + high];
      if (box[0] < frame[0] || box[1] < frame[1] || box[2] > frame[2] || box[3] > frame[3]) return;
      if (held.some(other => box[0] < other[2] + 2 && other[0] < box[2] + 2 && box[1] < other[3] + 2 && other[1] < box[3] + 2)) return;
      const covered = points.filter(([px, py]) => px >= box[0] && px <= box[2] && py >= box[1] && py <= box[3]).length;
      const strange = awayFrom(box, others) < awayFrom(box, line) - gap / 2;
      const cost = 9 * ring + .6 * rank + .15 * turn + 4 * covered + 40 * strange;
      if (cost < least) [best, least] = [box, cost];
    })));
    if (!best) return null;
    held.push(best);
    return [(best[0] + best[2]) / 2, (best[1] + best[3]) / 2];
  });
}
/** A mark that writes names beside lines; each is { text, stroke, line: [[x, y]] } in pixels. */
function directLabels(named, points, frame) {
  const names = named.map(one => {
    const line = along(one.line, 8), backwards = [...line].reverse(), step = Math.max(1, Math.ceil(backwards.length / 12));
    return { text: brief(one.text, 40), line, anchors: backwards.filter((_, k) => k % step === 0) };
  });
  const covered = [...points, ...names.flatMap(one => one.line)];
  const spots = placeNames(names, covered, frame);
  return () => {
    const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
    spots.forEach((spot, k) => {
      if (!spot) return;
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      for (const [key, value] of Object.entries({ x: spot[0], y: spot[1], dy: ".35em", class: "name", "text-anchor": "middle" })) text.setAttribute(key, value);
      text.setAttribute("style", `fill:${named[k].stroke}`);
      text.textContent = names[k].text;
      group.append(text);
    });
    return group;
  };
}
