// The curves of one occurrence, of its sensor and of the one that it is compared with: readings as a band from lowest to highest, the
// limit, the onset, and where nothing is known or messages are missing.
"use strict";
for (const place of document.querySelectorAll(".chart[data-url]")) (() => {
  const INK = "#18222a", SOFT = "#46535d", LIMIT = "#b00020", ONSET = "#c2410c", LOST = "#6b4d00";
  let plot = null;
  let shown = null;

  function hatch(context, ground, lines) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = ground; pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = lines; pen.beginPath(); pen.moveTo(0, 8); pen.lineTo(8, 0); pen.stroke();
    return context.createPattern(tile, "repeat");
  }

  // Seconds since 1970 as the site's wall clock has them.
  function clock(seconds) {
    return new Intl.DateTimeFormat("en-GB", { timeZone: shown.time_zone, hour: "2-digit", minute: "2-digit", second: "2-digit" })
      .format(new Date(seconds * 1000));
  }

  // What is missing is said in words above its place, in two lines at most; all of it stands below the curve, too.
  const LINES = 2, LINE = 20;

  function label(u) {
    const c = u.ctx, { left, top, width } = u.bbox, scale = devicePixelRatio, high = LINE * scale, air = 4 * scale;
    const ends = [];
    c.save();
    c.font = `${12 * scale}px system-ui, sans-serif`; c.textBaseline = "middle"; c.textAlign = "left";
    for (const loss of shown.losses) {
      const words = place.dataset.lost.replace("{since}", clock(loss.since)).replace("{until}", clock(loss.until)).replace("{n}", loss.messages);
      const wide = c.measureText(words).width + 2 * air, at = u.valToPos(loss.since, "x", true);
      const x = Math.max(left, Math.min(at, left + width - wide));
      let line = ends.findIndex((end) => end < x);
      if (line < 0) line = ends.length;
      if (line >= LINES) continue;
      ends[line] = x + wide;
      const y = top - (line + 1) * high;
      c.fillStyle = "#fff"; c.fillRect(x, y, wide, high);
      c.strokeStyle = LOST; c.lineWidth = scale; c.strokeRect(x, y, wide, high);
      c.fillStyle = LOST; c.fillText(words, x + air, y + high / 2);
    }
    c.restore();
  }

  function under(u) {
    const c = u.ctx, { left, top, width, height } = u.bbox;
    c.save(); c.beginPath(); c.rect(left, top, width, height); c.clip();
    const fill = (from, to) => {
      const a = u.valToPos(from, "x", true), b = u.valToPos(to, "x", true);
      c.fillRect(a, top, Math.max(b - a, 2), height);
    };
    c.fillStyle = hatch(c, "#d3d9dd", "#9aa5ad");
    for (const [from, to] of shown.gaps) fill(from, to);
    c.fillStyle = hatch(c, "#f3e3b5", "#7d5a00");
    for (const loss of shown.losses) fill(loss.since, loss.until);
    c.restore();
  }

  function over(u) {
    const c = u.ctx, { left, top, width, height } = u.bbox;
    c.save(); c.beginPath(); c.rect(left, top, width, height); c.clip();
    c.lineWidth = 2;
    const x = u.valToPos(shown.began_at, "x", true);
    c.strokeStyle = ONSET; c.beginPath(); c.moveTo(x, top); c.lineTo(x, top + height); c.stroke();
    if (shown.limit !== null) {
      const y = u.valToPos(shown.limit, "y", true);
      c.strokeStyle = LIMIT; c.setLineDash([8, 5]); c.beginPath(); c.moveTo(left, y); c.lineTo(left + width, y); c.stroke();
    }
    c.restore();
    label(u);
  }

  // A flat signal must not look wild: the scale always holds the limit, the values, and some air.
  function scale(u, low, high) {
    const all = [low, high, shown.limit].filter((v) => v !== null && v !== undefined && Number.isFinite(v));
    if (!all.length) return [0, 1];
    const least = Math.min(...all), most = Math.max(...all);
    const air = (most - least || Math.abs(most) || 1) * 0.1;
    return [least >= 0 && least - air < 0 ? 0 : least - air, most + air];
  }

  function draw() {
    const columns = [shown.times, shown.high, shown.low];
    const size = { width: place.clientWidth, height: Math.max(240, Math.min(380, place.clientWidth * 0.5)) };
    if (plot) { plot.setData(columns); return; }
    const names = document.documentElement.lang === "en" ? "{HH}:{mm}" : "{HH}:{mm}";
    const day = "{MM}-{DD}";
    plot = new uPlot({
      ...size,
      legend: { show: false },
      padding: [() => (shown.losses.length ? LINES * LINE + 4 : 8), null, null, null],
      cursor: { drag: { x: true, y: false } },
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), shown.time_zone),
      scales: { x: { range: () => [shown.since, shown.until] }, y: { range: scale } },
      axes: [
        { stroke: SOFT, grid: { stroke: "#ccd3d8" }, font: "12px system-ui, sans-serif",
          values: [[86400, day, null, null, null, null, null, null, 1], [60, names, `\n${day}`, null, null, null, null, null, 1], [1, "{HH}:{mm}:{ss}", `\n${day}`, null, null, null, null, null, 1]] },
        { stroke: SOFT, grid: { stroke: "#ccd3d8" }, font: "12px system-ui, sans-serif", size: 54 },
      ],
      series: [{}, { stroke: INK, width: 1.5, points: { show: false }, spanGaps: false }, { stroke: INK, width: 1.5, points: { show: false }, spanGaps: false }],
      bands: [{ series: [1, 2], fill: "rgba(24,34,42,.25)" }],
      hooks: { drawClear: [under], draw: [over] },
    }, columns, place);
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: Math.max(240, Math.min(380, place.clientWidth * 0.5)) })).observe(place);
  }

  async function load() {
    const answer = await fetch(place.dataset.url, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    shown = await answer.json();
    draw();
  }

  load();
  if (place.dataset.open === "true") setInterval(load, 10000);
})();
