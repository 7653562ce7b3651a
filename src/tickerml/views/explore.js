"use strict";
/* Zoom on request: plotly lies in the page, compressed, and is unpacked by the first click. */
document.getElementById("open-explore").addEventListener("click", async (event) => {
  const button = event.target;
  button.disabled = true;
  button.textContent = "unpacking ...";
  const unpack = async (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  try {
    const script = document.createElement("script");
    script.textContent = await unpack("plotly-gz");
    document.head.appendChild(script);
    const data = JSON.parse(await unpack("explore-gz"));
    const sum = (steps, scale) => { let at = 0; return steps.map((s) => (at += s) / scale); };
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue("--" + name).trim();
    const traces = data.lines.map((l) => ({
      name: l.name, x: sum(l.time, 1).map((ms) => new Date(ms).toISOString()), y: sum(l.value, l.scale), yaxis: l.axis,
      mode: "lines", line: { width: l.axis === "y" ? 2 : 1, color: l.colour ? colour(l.colour) : undefined },
      visible: l.shown ? true : "legendonly",
    }));
    const axis = { gridcolor: colour("grid"), zerolinecolor: colour("ref") };
    await window.Plotly.newPlot("zoom", traces, {
      height: 560, margin: { l: 70, r: 10, t: 10, b: 40 }, paper_bgcolor: colour("paper"), plot_bgcolor: colour("paper"),
      font: { color: colour("ink") }, legend: { orientation: "h" }, hovermode: "x unified", xaxis: axis,
      yaxis: { ...axis, domain: [0.52, 1], title: { text: data.currency } }, yaxis2: { ...axis, domain: [0, 0.46], title: { text: "price" } },
    }, { displaylogo: false, responsive: true });
    button.remove();
  } catch (error) {
    button.disabled = false;
    button.textContent = "This browser cannot unpack it: " + error.message;
  }
});
