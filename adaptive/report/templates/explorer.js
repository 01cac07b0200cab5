"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const make = (name, attributes = {}, ...inside) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  };
  const draw = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // An interval on a log scale with the mean as a dot, no effect as a thin line, and the truth as a tick.
  const intervalMark = (row, scale) => {
    const width = 112, height = 18;
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const place = (value) => 4 + (width - 8) * Math.min(1, Math.max(0, (value - scale[0]) / (scale[1] - scale[0])));
    const line = (x1, x2, y1, y2, stroke, thick) =>
      svg.append(draw("line", { x1, x2, y1, y2, stroke, "stroke-width": thick }));
    line(place(0), place(0), 1, 17, "#717c88", 1);
    const [low, mean, high] = row.marks;
    if (mean !== null) {
      const ink = row.open ? "#1b232d" : "#8b96a1";
      line(place(low), place(high), 9, 9, ink, 2);
      svg.append(draw("circle", { cx: place(mean), cy: 9, r: 3.4, fill: ink }));
    }
    if (row.truth !== null) line(place(row.truth), place(row.truth), 3, 15, "#D55E00", 2.5);
    return svg;
  };
  const shareMark = (share) => {
    const svg = draw("svg", { width: 60, height: 10, viewBox: "0 0 60 10", "aria-hidden": "true" });
    svg.append(draw("rect", { x: 0.5, y: 0.5, width: 59, height: 9, fill: "#fff", stroke: "#aab3bd" }));
    svg.append(draw("rect", { x: 0.5, y: 0.5, width: 59 * share, height: 9, fill: "#0072B2" }));
    return svg;
  };

  // "0.9873 (> 0.99) fires": the value above, what it must exceed or undercut below.
  const ruleCell = (text, fired) => {
    const cell = make("td", { class: fired ? "rule fires" : "rule" });
    const cut = text.indexOf(" (");
    if (cut < 0 || text.indexOf(" (", cut + 1) >= 0) cell.append(text);
    else cell.append(text.slice(0, cut), make("br"), make("small", {}, text.slice(cut + 1)));
    return cell;
  };
  const rowOf = (row, first, span, rules, scale) => {
    const line = make("tr");
    if (first) {
      line.classList.add("first");
      line.append(make("th", { scope: "rowgroup", rowspan: span }, row.subgroup));
    }
    line.append(make("th", { scope: "row" }, row.arm));
    for (const text of [row.patients, row.events, row.exposure]) line.append(make("td", { class: "count" }, text));
    if (row.control) {
      line.append(make("td", {}, "control"), make("td", { class: "count" }, row.best));
      rules.forEach(() => line.append(make("td")));
      line.append(make("td", {}, shareMark(row.allocation), make("br"), row.next), make("td"));
      return line;
    }
    if (!row.open) line.classList.add("shut");
    line.append(make("td", {}, intervalMark(row, scale), make("br"), row.hr), make("td", { class: "count" }, row.best));
    row.rules.forEach((text, i) => line.append(ruleCell(text, row.fired[i])));
    line.append(make("td", {}, shareMark(row.allocation), make("br"), row.next), make("td", { class: "decision" }, row.decision));
    if (row.open && row.decision !== "goes on") line.classList.add("decided");
    return line;
  };
  const tableOf = (look, scale) => {
    const heads = ["Subgroup", "Arm", "Patients", "Events", "Person-months", "HR (95% interval)", "P(best)",
      ...look.rules, "Allocation next", "Decision"];
    const counts = new Set(["Patients", "Events", "Person-months", "P(best)"]);
    const head = make("tr", {}, ...heads.map((text) => make("th", counts.has(text) ? { scope: "col", class: "count" } : { scope: "col" }, text)));
    const size = (name) => look.rows.filter((row) => row.subgroup === name).length;
    const body = look.rows.map((row, i) => {
      const first = i === 0 || look.rows[i - 1].subgroup !== row.subgroup;
      return rowOf(row, first, size(row.subgroup), look.rules, scale);
    });
    return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  };

  // The stage of one case: buttons and a slider over its looks, and the state at the look.
  const stageOf = (entry, scale, title) => {
    const last = entry.looks.length - 1;
    const back = make("button", { type: "button" }, "\u2039 Previous look");
    const next = make("button", { type: "button" }, "Next look \u203a");
    const slider = make("input", { type: "range", min: 0, max: last, step: 1, value: 0, "aria-label": `Look, in: ${title}` });
    const now = make("p", { class: "now" });
    const said = make("p", { class: "said" });
    const told = make("div", { role: "status" }, now, said);
    const holder = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `State at the look, in: ${title}` });
    const legend = make("p", { class: "legend" },
      "Bar: 95% interval, dot: posterior mean, grey line: no effect, orange tick: truth; all on one log scale. " +
      "In brackets what a value must exceed or undercut to fire; 7/10: it has 7 of the 10 events it needs; shaded: fired.");
    const show = (position) => {
      const look = entry.looks[position];
      slider.value = position;
      slider.setAttribute("aria-valuetext", look.title);
      now.textContent = look.title;
      said.textContent = look.text;
      holder.replaceChildren(tableOf(look, scale));
      back.disabled = position === 0;
      next.disabled = position === last;
    };
    const step = (by) => {
      show(Math.min(last, Math.max(0, Number(slider.value) + by)));
      if (document.activeElement.disabled || document.activeElement === document.body) slider.focus();
    };
    back.addEventListener("click", () => step(-1));
    next.addEventListener("click", () => step(1));
    slider.addEventListener("input", () => show(Number(slider.value)));
    show(0);
    const element = make("div", { class: "stage" }, make("div", { class: "steps" }, back, slider, next), told, holder, legend);
    const at = (number) => {
      const found = entry.looks.findIndex((look) => look.number === number);
      if (found >= 0) show(found);
    };
    return { element, at };
  };

  const explore = (root) => {
    const source = root.querySelector("script.explorer-data");
    const sections = [...root.querySelectorAll(":scope > .cases > section")];
    if (!source || !sections.length) return;
    const data = JSON.parse(source.textContent);
    const stages = new Map();
    const tabs = sections.map((section, i) => {
      const heading = section.querySelector("h2, h3, h4, h5");
      const title = heading.textContent.trim();
      const entry = data.cases.find((one) => one.id === section.id) || data.cases[i];
      if (entry) {
        const stage = stageOf(entry, data.scale, title);
        const before = section.querySelector("figure, .table");
        if (before) before.before(stage.element); else section.append(stage.element);
        stages.set(section, stage);
      }
      section.setAttribute("role", "tabpanel");
      return make("button", { type: "button", role: "tab", id: `${section.id}-tab`, "aria-controls": section.id }, title);
    });
    const select = (i, focus) => {
      tabs.forEach((tab, j) => {
        tab.setAttribute("aria-selected", String(i === j));
        tab.tabIndex = i === j ? 0 : -1;
        sections[j].hidden = i !== j;
      });
      if (focus) tabs[i].focus();
    };
    const list = make("div", { role: "tablist", "aria-label": "Virtual trials" }, ...tabs);
    tabs.forEach((tab, i) => tab.addEventListener("click", () => select(i, false)));
    list.addEventListener("keydown", (event) => {
      const at = tabs.indexOf(document.activeElement), n = tabs.length;
      const to = { ArrowRight: (at + 1) % n, ArrowLeft: (at + n - 1) % n, Home: 0, End: n - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      select(to, true);
    });
    root.querySelector(":scope > .cases").before(list);
    select(0, false);

    // "#example-drift:3" shows the third look of that trial; an anchor inside a trial shows the trial.
    const follow = () => {
      const [name, look] = decodeURIComponent(location.hash.slice(1)).split(":");
      const target = name && document.getElementById(name);
      const i = target ? sections.findIndex((section) => section.contains(target)) : -1;
      if (i < 0) return;
      select(i, false);
      if (look && stages.has(sections[i])) stages.get(sections[i]).at(Number(look));
      target.scrollIntoView();
    };
    window.addEventListener("hashchange", follow);
    follow();
  };
  document.querySelectorAll(".explorer").forEach(explore);
})();
