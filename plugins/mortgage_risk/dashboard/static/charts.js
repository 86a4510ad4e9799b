// Charts as SVG with their data behind them: a title, a CSV button, a table. No library, nothing to build.

export const known = (v) => v !== null && v !== undefined && Number.isFinite(v);

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 640, LEFT = 58, RIGHT = 14, TOP = 12, BOTTOM = 34;

export function h(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "rect", "circle", "text", "title", "desc", "g"].includes(tag);
  const node = svg ? document.createElementNS(NS, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// A figure that rounds to zero has no sign; what is not known is a dash.
const fixed = (v, digits) => (known(v) ? v.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−") : "–");
export const percent = (v, digits = 2) => (known(v) ? `${fixed(100 * v, digits)} %` : "–");
export const decimal = (v, digits = 3) => fixed(v, digits);
export const whole = (v) => (known(v) ? v.toLocaleString("en-US", { maximumFractionDigits: v % 1 ? 1 : 0 }).replace(/^-(?=[0.]*$)/, "").replace("-", "−") : "–");
export const badge = (verdict) => h("span", { class: `badge ${verdict}` }, verdict);

export function table(head, rows, numeric = []) {
  const cells = (tag, row) => row.map((cell, i) => h(tag, { class: numeric.includes(i) ? "n" : null, scope: tag === "th" ? "col" : null }, cell ?? "–"));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table" },
    h("table", {}, h("thead", {}, h("tr", {}, cells("th", head))), h("tbody", {}, rows.map((row) => h("tr", {}, cells("td", row))))));
}

export function csv(head, rows) {
  const cell = (v) => (v === null || v === undefined ? "" : /[",\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// A chart with its caption, its CSV and its table. data: { head, rows }; the table is made when it is opened.
export function figure(title, drawing, caption, data) {
  const name = `${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.csv`;
  const behind = h("details", { ontoggle: (event) => {
    if (event.target.open && event.target.children.length === 1) {
      event.target.append(table(data.head, data.rows.map((row) => row.map((v) => (typeof v === "number" ? String(v) : v))), data.head.map((_, i) => i).slice(1)));
    }
  } }, h("summary", {}, "Figures behind this chart"));
  return h("figure", {},
    h("div", { class: "bar" }, h("h3", {}, title), h("button", { type: "button", "aria-label": `Download ${title} as CSV`, onclick: () => save(name, csv(data.head, data.rows)) }, "CSV")),
    h("div", { class: "drawing" }, drawing), h("figcaption", {}, caption), behind);
}

function ticks(low, high) {
  const raw = (high - low) / 4 || 1, magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * magnitude).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

function labelled(names, count = 7) {
  const every = Math.max(1, Math.ceil(names.length / count));
  return names.map((name, i) => [i, name]).filter(([i]) => i % every === 0);
}

function frame(names, low, high, text, height, title) {
  const bottom = height - BOTTOM, span = Math.max(1, names.length - 1);
  const x = (i) => LEFT + (i / span) * (WIDTH - LEFT - RIGHT), y = (v) => bottom - ((v - low) / (high - low || 1)) * (bottom - TOP);
  const root = h("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": title });
  for (const tick of ticks(low, high)) {
    root.append(h("path", { class: "grid", d: `M${LEFT} ${y(tick)}H${WIDTH - RIGHT}` }), h("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, text(tick)));
  }
  return { root, x, y, bottom };
}

function axis(root, x, bottom, marks) {
  root.append(h("path", { class: "axis", d: `M${LEFT} ${bottom}H${WIDTH - RIGHT}` }));
  const inside = WIDTH - RIGHT - 20; // a name in the middle of its mark would be cut off there
  for (const [i, name] of marks) root.append(h("text", { x: x(i) > inside ? WIDTH : x(i), y: bottom + 17, "text-anchor": x(i) > inside ? "end" : "middle" }, name));
}

// Over the chart, in as many rows as it needs.
function legend(root, series, kind) {
  let at = LEFT + 8, row = TOP;
  series.forEach(({ name, style }) => {
    const width = 34 + 6.4 * name.length;
    if (at + width > WIDTH - RIGHT && at > LEFT + 8) [at, row] = [LEFT + 8, row + 15];
    root.append(kind === "line" ? h("path", { class: `series ${style}`, d: `M${at} ${row + 2}h16` }) : h("rect", { class: style, x: at, y: row - 4, width: 12, height: 11 }),
      h("text", { x: at + 21, y: row + 6 }, name));
    at += width;
  });
}

// Lines over named positions. series: [{ name, style, values, band }], band: [low, high] or null by position, may be left out; guides: [[value, words]]; marks: [[position, severity, words]].
export function lines(title, names, series, { text = decimal, guides = [], marks = [], zero = false, height = 250 } = {}) {
  const all = [...series.flatMap((s) => [...s.values, ...(s.band ?? []).flatMap((ends) => ends ?? [])]), ...guides.map((g) => g[0])].filter(known);
  if (!all.length) return h("p", { class: "soft" }, "No figures in this period.");
  const high = Math.max(...all), least = zero ? Math.min(0, ...all) : Math.min(...all), pad = (high - least) * 0.12 || Math.abs(high) * 0.1 || 1;
  const low = zero ? least : least - pad;
  const { root, x, y, bottom } = frame(names, low, high + pad, text, height, title);
  for (const [value, words] of guides) root.append(h("path", { class: "guide", d: `M${LEFT} ${y(value)}H${WIDTH - RIGHT}` }), h("text", { class: "soft", x: WIDTH - RIGHT, y: y(value) - 4, "text-anchor": "end" }, words));
  for (const { values, style, band } of series) {
    const inside = (band ?? []).map((ends, i) => [i, ends]).filter(([, ends]) => ends);
    if (inside.length) root.append(h("path", { class: "band", d: `M${[...inside.map(([i, ends]) => [i, ends[1]]), ...inside.map(([i, ends]) => [i, ends[0]]).reverse()].map(([i, v]) => `${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("L")}Z` }));
    let path = "", pen = "M";
    values.forEach((v, i) => { if (known(v)) { path += `${pen}${x(i).toFixed(1)} ${y(v).toFixed(1)}`; pen = "L"; } else pen = "M"; });
    root.append(h("path", { class: `series ${style}`, d: path }));
  }
  for (const [i, severity, words] of marks) root.append(h("path", { class: `mark-${severity}`, d: `M${x(i)} ${bottom}l-4 -8h8z` }, h("title", {}, words)));
  axis(root, x, bottom, labelled(names));
  legend(root, series, "line");
  return root;
}

// Shares that add up to 1 at every position, stacked. layers: [{ name, style, values }].
export function stacked(title, names, layers, height = 250) {
  const { root, x, y, bottom } = frame(names, 0, 1, (v) => percent(v, 0), height, title);
  const total = names.map((_, i) => layers.reduce((sum, layer) => sum + (layer.values[i] ?? 0), 0));
  let base = names.map(() => 0);
  for (const { values, style, name } of layers) {
    const top = base.map((b, i) => b + (total[i] ? (values[i] ?? 0) / total[i] : 0));
    const up = top.map((v, i) => `${x(i).toFixed(1)} ${y(v).toFixed(1)}`), down = base.map((v, i) => `${x(i).toFixed(1)} ${y(v).toFixed(1)}`).reverse();
    root.append(h("path", { class: style, d: `M${up.join("L")}L${down.join("L")}Z` }, h("title", {}, name)));
    base = top;
  }
  axis(root, x, bottom, labelled(names));
  return root;
}

// Two groups of bars by category, as shares of their sums.
export function bars(title, names, groups, height = 250) {
  const shares = groups.map(({ values }) => { const sum = values.reduce((a, b) => a + b, 0) || 1; return values.map((v) => v / sum); });
  const { root, y, bottom } = frame(names, 0, Math.max(...shares.flat(), 0.01) * 1.2, (v) => percent(v, 0), height, title);
  const step = (WIDTH - LEFT - RIGHT) / names.length, width = (step * 0.8) / groups.length;
  shares.forEach((values, g) => values.forEach((v, i) => root.append(h("rect", { class: groups[g].style, x: LEFT + i * step + step * 0.1 + g * width, y: y(v), width, height: Math.max(0, bottom - y(v)) },
    h("title", {}, `${names[i]}: ${percent(v)} ${groups[g].name}`)))));
  axis(root, (i) => LEFT + (i + 0.5) * step, bottom, labelled(names.map((n) => (n.length > 13 ? `${n.slice(0, 12)}…` : n)), 8));
  legend(root, groups, "bar");
  return root;
}

// Rows x columns of values, coloured by steps; one path per colour, so that years of nights stay light.
// cells[row][column]; onpick(row, column) by click or by arrow keys and Enter; ontip(text).
export function heatmap(title, rows, columns, cells, limits, { onpick, ontip, words }) {
  const left = 215, size = 15, width = 1240, step = (width - left) / columns.length, height = rows.length * size + 26;
  const root = h("svg", { viewBox: `0 0 ${width} ${height}`, role: "application", tabindex: 0, "aria-label": `${title}. Arrow keys move, Enter opens a feature.` });
  const paths = limits.map(() => "").concat("");
  rows.forEach((_, r) => columns.forEach((__, c) => {
    const v = cells[r][c];
    if (known(v)) paths[limits.filter((limit) => v >= limit).length] += `M${(left + c * step).toFixed(2)} ${r * size}h${step.toFixed(2)}v${size - 1}h${(-step).toFixed(2)}z`;
  }));
  paths.forEach((d, i) => root.append(h("path", { class: `h${i}`, d })));
  rows.forEach((name, r) => root.append(h("text", { x: left - 7, y: r * size + 11, "text-anchor": "end" }, name)));
  for (const [c, name] of labelled(columns, 12)) root.append(h("text", { x: left + (c + 0.5) * step, y: height - 8, "text-anchor": "middle" }, name));
  const cursor = h("rect", { class: "cursor", width: Math.max(step, 3), height: size, visibility: "hidden" });
  let at = [0, columns.length - 1];
  const move = (r, c) => {
    at = [Math.min(rows.length - 1, Math.max(0, r)), Math.min(columns.length - 1, Math.max(0, c))];
    cursor.setAttribute("x", left + at[1] * step); cursor.setAttribute("y", at[0] * size); cursor.setAttribute("visibility", "visible");
    ontip(words(...at));
  };
  const place = (event) => {
    const box = root.getBoundingClientRect(), scale = width / box.width;
    return [Math.floor(((event.clientY - box.top) * scale) / size), Math.floor(((event.clientX - box.left) * scale - left) / step)];
  };
  root.addEventListener("mousemove", (event) => move(...place(event)));
  root.addEventListener("click", (event) => { move(...place(event)); onpick(...at); });
  root.addEventListener("focus", () => move(...at));
  root.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (way) { event.preventDefault(); move(at[0] + way[0], at[1] + way[1]); }
    if (event.key === "Enter") onpick(...at);
  });
  root.append(h("rect", { class: "hit", x: left, y: 0, width: width - left, height: rows.length * size }), cursor);
  return root;
}
