// The monitoring page: fetches aggregates, keeps the filters in the address, draws.

import { badge, bars, decimal, figure, h, heatmap, known, lines, percent, stacked, table, whole } from "./charts.js";

const $ = (id) => document.getElementById(id);
const state = { source: "", from: "", to: "", dimension: "", level: "", figure: "psi_recent", feature: "" };
let data = { overview: null, features: null };
const HEAT = {
  psi_recent: ["PSI against the last nights", [0.02, 0.05, 0.1, 0.25]],
  psi_training: ["PSI against training", [0.05, 0.1, 0.25, 0.5]],
  effect: ["Size of the effect on the log-odds", [0.05, 0.1, 0.25, 0.5]],
  missing: ["Share of missing values", [0.01, 0.05, 0.2, 0.5]],
};
const COLUMNS = 120, LINES = 5;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

async function get(path, parameters = {}) {
  const answer = await fetch(`api/${path}?${new URLSearchParams(parameters)}`, { credentials: "same-origin" });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? `${path}: ${answer.status}`);
  return answer.json();
}

const put = (selector, ...nodes) => document.querySelector(selector).replaceChildren(...nodes);
const nothing = (why) => h("p", { class: "soft" }, why);

// Positions of the nights inside the chosen period.
function chosen() {
  return data.overview.dates.map((day, i) => [day, i]).filter(([day]) => (!state.from || day >= state.from) && (!state.to || day <= state.to)).map(([, i]) => i);
}

const count = (found) => `${found.length} finding${found.length === 1 ? "" : "s"}`;

function tiles() {
  const o = data.overview, i = o.dates.length - 1, version = o.model_version[i];
  const tile = (name, value, more, tone = "") => h("div", { class: `tile ${tone}` }, h("span", {}, name), h("b", {}, value), h("span", {}, more));
  const month = Math.max(0, i - 30), change = o.mean_pd[i] && o.mean_pd[month] ? o.mean_pd[i] / o.mean_pd[month] - 1 : null;
  const { days_since_report: age, newest_month: newest } = o.ops[i], stale = (o.findings[o.dates[i]] ?? []).find((f) => f[1].startsWith("stale_"));
  const breaches = Object.entries(o.findings).filter(([day]) => day > o.dates[month]).flatMap(([, found]) => found.filter(([severity]) => severity === "breach"));
  put("#tiles",
    tile(`Night of ${o.dates[i]}`, o.verdict[i], count(o.findings[o.dates[i]] ?? []), o.verdict[i]),
    tile("Mean PD", percent(o.mean_pd[i]), known(change) ? `${change < 0 ? "" : "+"}${percent(change, 1)} in a month` : "nothing to compare with"),
    tile("Loans scored", whole(o.rows[i]), `model version ${version ?? "–"}`),
    tile("Age of the tapes", known(age) ? `${whole(age)} days` : "–", newest ? `newest month ${newest}` : "not known", stale?.[0] ?? "ok"),
    tile("PSI of the PD, training", decimal(o.psi_training[i]), "above 0.25: another population", o.psi_training[i] > 0.25 ? "attention" : "ok"),
    tile("PSI, last nights", decimal(o.psi_recent[i]), "above 0.10: a step", o.psi_recent[i] > 0.1 ? "breach" : "ok"),
    tile("Breaches, 30 nights", String(breaches.length), "each with its reason below", breaches.length ? "breach" : "ok"));
}

async function portfolio() {
  const o = data.overview, at = chosen(), days = at.map((i) => o.dates[i]);
  const marks = days.map((day, i) => [i, (o.findings[day] ?? []).map((f) => f[0]), day]).filter(([, s]) => s.includes("breach")).map(([i, , day]) => [i, "breach", `${day}: ${o.findings[day].map((f) => f[3]).join("; ")}`]);
  let segmented = "";
  const series = [{ name: "whole portfolio", style: "s0", values: at.map((i) => o.mean_pd[i]) }];
  if (state.dimension) {
    const found = await get("segments", { source: state.source, dimension: state.dimension });
    const names = Object.keys(found.levels), said = (name) => levelName(name, found.labels);
    $("level").replaceChildren(h("option", { value: "" }, "all"), ...names.map((name) => h("option", { value: name }, said(name))));
    $("level").value = names.includes(state.level) ? state.level : "";
    const shown = state.level && found.levels[state.level] ? [state.level] : largest(found.levels, LINES);
    shown.forEach((name, i) => series.push({ name: said(name), style: `s${i + 1}`, values: at.map((k) => found.levels[name].mean_pd[k]) }));
    const what = state.dimension.replaceAll("_", " ");
    segmented = shown.length === names.length ? ` All ${names.length} levels of ${what}.`
      : ` Of the ${names.length} levels of ${what} ${shown.length === 1 ? "one is" : `the ${shown.length} largest are`} shown: choose another under Segment.`;
  }
  const grades = Object.keys(o.grades);
  put("#portfolio .pair",
    figure("Mean PD", lines("Mean PD by night", days, series, { text: (v) => percent(v), marks, zero: true }), `Red marks: nights with a breach.${segmented}`,
      { head: ["night", ...series.map((s) => s.name)], rows: days.map((day, i) => [day, ...series.map((s) => s.values[i])]) }),
    figure("Grades", stacked("Share of loans by grade", days, grades.map((name, g) => ({ name, style: `g${g % 10}`, values: at.map((i) => o.grades[name][i]) }))), `From ${grades[0]} (green, lowest PD) to ${grades.at(-1)}.`,
      { head: ["night", ...grades], rows: at.map((i) => [o.dates[i], ...grades.map((g) => o.grades[g][i])]) }),
    figure("PSI of the PD", lines("PSI of the PD distribution", days, [{ name: "against training", style: "s0", values: at.map((i) => o.psi_training[i]) }, { name: "against the last nights", style: "s1", values: at.map((i) => o.psi_recent[i]) }],
      { guides: [[0.25, "0.25: another population"]], zero: true }), "Population stability index; below 0.10 is quiet.",
      { head: ["night", "training", "last nights"], rows: at.map((i) => [o.dates[i], o.psi_training[i], o.psi_recent[i]]) }),
    figure("Loans scored", lines("Loans scored by night", days, [{ name: "loans", style: "s0", values: at.map((i) => o.rows[i]) }], { text: whole }), "A sudden fall is a truncated feed.",
      { head: ["night", "loans"], rows: at.map((i) => [o.dates[i], o.rows[i]]) }));
}

// Of the period's last night against one a month earlier; a row's shares add up to 1.
async function migration() {
  const date = data.overview.dates[chosen().at(-1)], m = (await get("night", { source: state.source, date })).migration;
  if (!m) return put("#migration", nothing(`${date} has no scored night a month earlier to compare its grades with.`));
  const sum = (row) => row.reduce((a, b) => a + b, 0), stayed = sum(m.matrix.flat());
  const share = (n, all, same) => (n ? h(same ? "b" : "span", {}, percent(n / all, 1)) : "");
  put("#migration", figure("Grade migration in a month", table(["Grade then", "Loans", ...m.grades.map((g) => `now ${g}`)],
    m.matrix.map((row, i) => [m.grades[i], whole(sum(row)), ...row.map((n, j) => share(n, sum(row), i === j))]), m.grades.map((_, i) => i + 2).concat(1)),
    `${date}: of ${whole(stayed)} loans on both nights ${percent(m.upgraded / (stayed || 1), 1)} are in a better grade, ${percent(m.downgraded / (stayed || 1), 1)} in a worse one; ${whole(m.new)} are new, ${whole(m.gone)} gone.`,
    { head: ["grade_then", ...m.grades], rows: m.matrix.map((row, i) => [m.grades[i], ...row]) }));
}

function largest(levels, count) {
  const last = (level) => levels[level].n.findLast((n) => n !== null) ?? 0;
  return Object.keys(levels).sort((a, b) => (a === REST) - (b === REST) || last(b) - last(a)).slice(0, count);
}

// A code with what the contract says that it means.
const REST = "(rest)";
const levelName = (level, labels = {}) => (level === REST ? "all smaller ones together" : labels[level] ? `${level}: ${labels[level]}` : level);

// Nights in groups of equal length, so that any period has at most COLUMNS columns; a column shows its worst night.
function groups(at) {
  const size = Math.max(1, Math.ceil(at.length / COLUMNS));
  return Array.from({ length: Math.ceil(at.length / size) }, (_, g) => at.slice(g * size, (g + 1) * size));
}

function drift() {
  const f = data.features, columns = groups(chosen()), [title, limits] = HEAT[state.figure];
  const worst = (values, group) => group.reduce((best, i) => (values[i] !== null && (best === null || Math.abs(values[i]) > Math.abs(best.v)) ? { v: values[i], i } : best), null);
  const found = Object.entries(f.features).map(([name, figures]) => ({ name, cells: columns.map((group) => worst(figures[state.figure], group)) }));
  const height = (row) => Math.max(0, ...row.cells.map((c) => Math.abs(c?.v ?? 0)));
  found.sort((a, b) => height(b) - height(a));
  const tip = h("p", { class: "tip", role: "status" }, "Move over a cell, or use the arrow keys; Enter or a click opens the feature's distribution of that night.");
  const words = (r, c) => { const cell = found[r].cells[c]; return `${found[r].name}, ${cell ? `${f.dates[cell.i]}: ${decimal(cell.v)}` : "no figure"}`; };
  const pick = (r, c) => { const cell = found[r].cells[c]; if (cell) drill(found[r].name, f.dates[cell.i]); };
  const select = h("select", { id: "figure", onchange: (event) => { state.figure = event.target.value; keep(); drift(); } }, Object.entries(HEAT).map(([key, [name]]) => h("option", { value: key, selected: key === state.figure }, name)));
  const feature = h("select", { id: "feature", onchange: (event) => event.target.value && drill(event.target.value, f.dates.at(-1)) }, h("option", { value: "" }, "choose"), found.map(({ name }) => h("option", {}, name)));
  const drawing = h("div", {}, h("label", {}, "Show ", select), " ", h("label", {}, "Open feature ", feature), tip,
    heatmap(title, found.map((r) => r.name), columns.map((g) => f.dates[g[0]]), found.map((r) => r.cells.map((c) => (c ? Math.abs(c.v) : null))), limits, { onpick: pick, ontip: (text) => { tip.textContent = text; }, words }));
  const names = found.map((r) => r.name), at = chosen();
  put("#heat", figure(`Features by night: ${title}`, drawing, `Colour steps at ${limits.join(", ")}. With many nights a column is several of them, and shows the worst.`,
    { head: ["night", ...names], rows: at.map((i) => [f.dates[i], ...names.map((name) => f.features[name][state.figure][i])]) }));
}

async function drill(feature, day) {
  state.feature = feature;
  const night = await get("night", { source: state.source, date: day });
  const row = night.features.find((r) => r.feature === feature), f = data.features.features[feature];
  if (!row) return put("#drill", nothing(`${feature} was not in the scoring input of ${day}.`));
  const at = chosen(), days = at.map((i) => data.features.dates[i]), labels = row.labels.map((level) => levelName(level, night.labels?.[feature]));
  put("#drill",
    figure(`${feature} on ${day}`, bars(`${feature}: tonight and in training`, labels, [{ name: "training", style: "f2", values: row.training_counts }, { name: "this night", style: "f0", values: row.counts }]),
      h("span", {}, badge(row.verdict), ` PSI ${decimal(row.recent?.psi)} against the last nights, ${decimal(row.training?.psi)} against training; missing ${percent(row.missing)}; effect on the log-odds ${decimal(row.effect)}. `,
        h("a", { href: night.report_url, target: "_blank", rel: "noopener" }, `Report of ${day}`)),
      { head: ["bin", "training", "this night"], rows: labels.map((label, i) => [label, row.training_counts[i], row.counts[i]]) }),
    figure(`${feature} over time`, lines(`${feature} over time`, days, [{ name: "PSI, training", style: "s0", values: at.map((i) => f.psi_training[i]) }, { name: "PSI, last nights", style: "s1", values: at.map((i) => f.psi_recent[i]) }], { zero: true }), "One point a night.",
      { head: ["night", "psi_training", "psi_recent", "effect", "missing"], rows: at.map((i) => [data.features.dates[i], f.psi_training[i], f.psi_recent[i], f.effect[i], f.missing[i]]) }));
}

async function performance() {
  const p = await get("outcomes", { source: state.source }), months = p.vintages.map((v) => v.month);
  const final = (v) => v.reads.final_12m, rate = (v, n) => (final(v).matured && final(v).n ? n / final(v).n : null);
  const auc = (read) => p.vintages.map((v) => v.reads[read].auc ?? null), back = p.estimate_backtest;
  const read = (r) => (r.matured ? `AUC ${decimal(r.auc)} · ${whole(r.events)} of ${whole(r.n)}` : h("span", { class: "soft", title: r.reason }, "open"));
  const expected = (e) => (e.auc_range ? `${decimal(e.auc)} (${e.auc_range.map((end) => decimal(end, 2)).join(" to ")}; was off by ${decimal(e.auc_error)})` : `${decimal(e.auc)} (not yet tested)`);
  const lights = (v) => (final(v).grades ?? []).filter((g) => g.light !== "green").map((g) => h("span", {}, badge(g.light === "red" ? "breach" : "attention"), ` ${g.label} `));
  put("#performance .body", h("div", { class: "pair" },
    figure("Calibration by vintage", lines("Default rate and PD by vintage", months, [{ name: "mean PD", style: "s0", values: p.vintages.map((v) => v.mean_pd) }, { name: "default rate", style: "s1", values: p.vintages.map((v) => rate(v, final(v).events)) }], { text: (v) => percent(v), zero: true }),
      "The default rate exists where the 12 months are over.", { head: ["vintage", "mean_pd", "default_rate", "defaults", "expected"], rows: p.vintages.map((v) => [v.month, v.mean_pd, rate(v, final(v).events), final(v).events ?? null, final(v).expected_defaults ?? null]) }),
    figure("AUC: estimate and truth", lines("AUC by vintage", months, [{ name: "estimate, no labels", style: "s2", values: p.vintages.map((v) => v.estimate.auc), band: p.vintages.map((v) => v.estimate.auc_range) }, { name: "60+ at 6 months", style: "s1", values: auc("early_6m") }, { name: "default at 12", style: "s0", values: auc("final_12m") }]),
      `The estimate takes the PDs at their word; ${back.vintages ? `on ${back.vintages} matured vintages it was ${decimal(Math.abs(back.auc_mean_error))} too ${back.auc_mean_error > 0 ? "high" : "low"} on average. Its band holds the chance of the draw and that error.` : `${back.reason}.`}`,
      { head: ["vintage", "estimate", "low", "high", "off_by", "early_3m", "early_6m", "final_12m"], rows: p.vintages.map((v) => [v.month, v.estimate.auc, ...(v.estimate.auc_range ?? [null, null]), v.estimate.auc_error, v.reads.early_3m.auc ?? null, v.reads.early_6m.auc ?? null, final(v).auc ?? null]) })),
  h("p", { class: "soft" }, `Matured against open windows, by the loan panel until ${p.panel_until}. A grade is marked where its PD is too low (Jeffreys test).`),
  table(["Vintage", "Loans", "Mean PD", "30+ at 3 months", "60+ at 6 months", "Default at 12 months", "AUC expected", "Grades"], p.vintages.map((v) => [v.month, whole(v.n), percent(v.mean_pd), read(v.reads.early_3m), read(v.reads.early_6m), read(final(v)), expected(v.estimate), final(v).matured ? (lights(v).length ? h("span", {}, lights(v)) : "all green") : "–"]), [1, 2]));
}

async function alarms() {
  const rows = spells().map((s) => [s.first === s.last ? s.first : `${s.first} to ${s.last}`, whole(s.nights), badge(s.severity), s.words]);
  const ringing = await get("alarms").catch((error) => error);
  put("#alarms .body",
    ringing instanceof Error ? nothing(`CloudWatch's alarms cannot be read: ${ringing.message}`)
      : ringing.length ? table(["Alarm", "State", "Since", "Reason"], ringing.map((a) => [a.name, badge({ ALARM: "breach", OK: "ok" }[a.state] ?? "attention"), a.since ?? "–", a.reason])) : nothing("No CloudWatch alarm is defined."),
    h("h3", {}, "Findings in the period"), rows.length ? table(["Nights", "Number", "", "What, on the last of them"], rows, [1]) : nothing("None."));
}

// The period's findings, breaches and the newest first. One that comes back night after night is one spell.
function spells() {
  const o = data.overview, found = [];
  let running = new Map();
  for (const day of chosen().map((i) => o.dates[i])) {
    const tonight = new Map();
    for (const [severity, kind, feature, words] of o.findings[day] ?? []) {
      const key = [severity, kind, feature].join(), spell = running.get(key) ?? { severity, first: day, nights: 0 };
      if (!spell.nights) found.push(spell);
      tonight.set(key, Object.assign(spell, { last: day, nights: spell.nights + 1, words }));
    }
    running = tonight;
  }
  const grave = (s) => (s.severity === "breach" ? 1 : 0);
  return found.sort((a, b) => grave(b) - grave(a) || b.last.localeCompare(a.last));
}

async function models() {
  const versions = await get("models", { source: state.source });
  if (!versions.length) return put("#models .body", nothing("No model is registered."));
  const champion = versions.find((v) => v.in_force);
  const status = (v) => (v.withdrawn_from ? `Withdrawn from ${v.withdrawn_from} by ${v.withdrawn_by}: ${v.withdrawn_reason}` : v.status);
  const report = (v) => (v.report_url ? h("a", { href: v.report_url, target: "_blank", rel: "noopener" }, "report") : "–");
  put("#models .body",
    champion ? h("p", {}, `Champion: version ${champion.version}, in force since ${champion.effective_from}, AUC out of time ${champion.oot_auc ?? "–"}, approved by ${champion.approved_by ?? "–"}. Evidence: `, report(champion)) : nothing("No version is in force today."),
    table(["Version", "Status", "Registered", "Gate", "AUC out of time", "Approved by", "In force from", "Override", "Evidence"], versions.map((v) => [String(v.version), status(v), v.created.slice(0, 10), v.gate, v.oot_auc, v.approved_by, v.effective_from, v.override_by ? `${v.override_by}: ${v.override_reason}` : "–", report(v)])));
}

function runs() {
  const o = data.overview, at = chosen(), column = (name) => at.map((i) => o.ops[i][name] ?? null), days = at.map((i) => o.dates[i]);
  const names = ["rows_in", "rows_out", "quarantined", "days_since_report", "days_since_ingest", "seconds", "cost", "checks_failed"];
  const missing = days.filter((day) => (o.findings[day] ?? []).some((f) => f[1] === "night_missing"));
  const link = (i) => (o.ops[i].run_id ? h("a", { href: `../dags/mortgage_nightly_scoring/runs/${encodeURIComponent(o.ops[i].run_id)}`, target: "_top" }, "run") : (o.ops[i].reason ?? "–"));
  put("#runs .body", h("p", {}, `${whole(days.length)} nights, ${missing.length ? `without scores: ${missing.join(", ")}` : "none without scores"}.`),
    h("div", { class: "pair" },
      figure("Run time", lines("Seconds of the scoring run", days, [{ name: "seconds", style: "s0", values: column("seconds") }], { text: whole, zero: true }), "Sum over the run's tasks.", { head: ["night", ...names], rows: at.map((i) => [o.dates[i], ...names.map((n) => o.ops[i][n] ?? null)]) }),
      figure("Cost", lines("Cost of the scoring run", days, [{ name: "USD", style: "s0", values: column("cost") }], { zero: true }), "Instance time at the price table of the run.", { head: ["night", "usd"], rows: at.map((i) => [o.dates[i], o.ops[i].cost ?? null]) }),
      figure("Age of the tapes", lines("Days from the newest reporting month and from the delivery", days, [{ name: "newest reporting month", style: "s0", values: column("days_since_report") }, { name: "oldest delivery", style: "s1", values: column("days_since_ingest") }], { text: whole, zero: true }), "Days before the score date. A delivery that is late is a finding.", { head: ["night", "days_since_report", "days_since_ingest"], rows: at.map((i) => [o.dates[i], o.ops[i].days_since_report ?? null, o.ops[i].days_since_ingest ?? null]) })),
    table(["Night", "Rows in", "Rows out", "Quarantined", "Days since the newest month", "Days since ingest", "Seconds", "Run"], at.slice(-40).reverse().map((i) => [o.dates[i], ...names.slice(0, 6).map((n) => whole(o.ops[i][n])), link(i)]), [1, 2, 3, 4, 5, 6]));
}

const failed = (selector) => (error) => put(selector, nothing(error.message));

// Why the chosen period has no night; "" where it has some.
function empty() {
  const { dates } = data.overview;
  if (state.from && state.to && state.from > state.to) return `From, ${state.from}, is after To, ${state.to}.`;
  return chosen().length ? "" : `No night was monitored from ${state.from || "the first"} to ${state.to || "the last"}; there are nights from ${dates[0]} to ${dates.at(-1)}.`;
}

function draw() {
  tiles();
  const why = empty();
  $("message").textContent = why;
  for (const id of ["from", "to"]) $(id).setAttribute("aria-invalid", String(why !== ""));
  if (why) {
    for (const part of ["#portfolio .pair", "#heat", "#alarms .body", "#runs .body"]) put(part, nothing(why));
    return put("#migration"), put("#drill");
  }
  portfolio().catch(failed("#portfolio .pair"));
  migration().catch(failed("#migration"));
  runs();
  alarms().catch(failed("#alarms .body"));
  if (data.features) drift();
}

function keep() {
  const kept = Object.fromEntries(Object.entries(state).filter(([, value]) => value));
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}

function period(days) {
  const o = data.overview, last = o.dates.at(-1);
  state.to = last;
  state.from = days === "all" ? o.dates[0] : new Date(Date.parse(last) - (Number(days) - 1) * 864e5).toISOString().slice(0, 10);
}

async function load() {
  $("message").textContent = "Loading…";
  data = { overview: await get("overview", { source: state.source }), features: null };
  if (!data.overview.dates.length) throw new Error("No night has been monitored yet: scores start the DAG mortgage_model_monitoring.");
  state.source = data.overview.source;
  $("source").replaceChildren(...data.overview.sources.map((name) => h("option", { selected: name === state.source }, name)));
  if (!state.from) period("365");
  fill();
  draw();
  document.body.dataset.painted = Math.round(window.performance.now());
  models().catch(failed("#models .body"));
  performance().catch(failed("#performance .body"));
  data.features = await get("features", { source: state.source });
  if (!empty()) drift();
}

function fill() {
  $("from").value = state.from; $("to").value = state.to;
  $("dimension").replaceChildren(h("option", { value: "" }, "whole portfolio"), ...data.overview.dimensions.map((name) => h("option", { value: name }, name.replaceAll("_", " "))));
  $("dimension").value = state.dimension; $("level").disabled = !state.dimension;
}

function listen() {
  $("filters").addEventListener("change", (event) => {
    const { id, value } = event.target;
    if (id === "period") { if (value) period(value); } else state[id] = value;
    if (id === "dimension") state.level = "";
    if (id === "source") { state.from = state.to = ""; keep(); return start(); }
    if (id === "from" || id === "to") $("period").value = "";
    keep(); fill(); draw();
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
}

// Airflow shows this page in a frame of its own origin and has a colour mode of its own.
function theme() {
  const dark = () => {
    try { const root = window.parent.document.documentElement; if (window.parent !== window) return root.classList.contains("dark") || root.dataset.theme === "dark"; } catch { /* framed by another origin */ }
    return window.matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const set = () => { document.documentElement.dataset.theme = dark() ? "dark" : "light"; };
  set();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", set);
  try { if (window.parent !== window) new MutationObserver(set).observe(window.parent.document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme"] }); } catch { /* see above */ }
}

// What an address says, as far as it can be shown: it may come from anywhere.
function restore() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(state)) if (said.has(key)) state[key] = said.get(key);
  for (const key of ["from", "to"]) if (!DATE.test(state[key])) state[key] = "";
  if (!Object.hasOwn(HEAT, state.figure)) state.figure = "psi_recent";
}

const start = () => load().catch((error) => { $("message").textContent = error.message; });

theme();
listen();
restore();
start();
