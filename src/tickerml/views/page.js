"use strict";
/* A crosshair for charts over time: reads values back from the drawn paths. The page is whole without it. */
for (const svg of document.querySelectorAll("svg[data-box]")) {
  const nums = (key) => svg.dataset[key].split(",").map(Number);
  const [left, right, top, bottom] = nums("box");
  const [start, end] = nums("time");
  const [low, high, first, last, log] = nums("axis");
  const out = document.createElement("output");
  out.className = "cross";
  svg.parentNode.insertBefore(out, svg);
  const rule = document.createElementNS("http://www.w3.org/2000/svg", "line");
  rule.setAttribute("class", "zero");
  let lines = null;
  let at = right;
  const read = (path) => {
    const points = [];
    let x = 0, y = 0;
    for (const [, kind, a, b] of path.getAttribute("d").matchAll(/([Mlvh])(-?\d*\.?\d+) ?(-?\d*\.?\d+)?/g)) {
      if (kind === "M") { x = +a; y = +b; }
      else if (kind === "v") y += +a;
      else { x += +a; y += +(b || 0); }
      points.push([x, y]);
    }
    return { name: path.dataset.name, points };
  };
  const value = (y) => {
    const share = (y - first) / (last - first);
    const v = log ? low * Math.pow(high / low, share) : low + share * (high - low);
    if (svg.dataset.unit !== "growth") return v.toLocaleString("en", { maximumSignificantDigits: 6 });
    const p = (v - 1) * 100;
    const text = p.toFixed(Math.abs(p) < 1 ? 2 : 1);
    return (Number(text) === 0 ? "0.00" : (p > 0 ? "+" : "") + text) + " %";
  };
  const nearest = (points, x) => {
    let a = 0, b = points.length - 1;
    while (a < b) {
      const m = (a + b + 1) >> 1;
      if (points[m][0] <= x) a = m; else b = m - 1;
    }
    return points[a];
  };
  const show = (x) => {
    lines = lines || [...svg.querySelectorAll("path[data-name]")].map(read).filter((l) => l.points.length);
    at = Math.min(right, Math.max(left, x));
    for (const [key, v] of [["x1", at], ["x2", at], ["y1", top], ["y2", bottom]]) rule.setAttribute(key, v);
    if (!rule.parentNode) svg.appendChild(rule);
    const when = new Date(start + ((at - left) / (right - left)) * (end - start)).toISOString();
    const read1 = (l) => l.name + " " + value(nearest(l.points, at)[1]);
    out.textContent = [when.slice(0, 16).replace("T", " ") + " UTC", ...lines.map(read1)].join("   ");
  };
  const hide = () => { out.textContent = ""; rule.remove(); };
  svg.addEventListener("pointermove", (e) => {
    const box = svg.getBoundingClientRect();
    show(((e.clientX - box.left) / box.width) * svg.viewBox.baseVal.width);
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("focus", () => { if (svg.matches(":focus-visible")) show(at); });
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (e.key === "Escape") hide();
    if (!step) return;
    e.preventDefault();
    show(at + step * (e.shiftKey ? 20 : 2));
  });
}
