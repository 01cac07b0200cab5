"use strict";
(() => {
  const root = document.documentElement;
  const FEW = 12, LONG = 40;
  root.classList.add("scripted");

  // A dash sorts last; of "0.025 (0.001)" the first number counts; text sorts as text.
  const number = (text) => {
    const found = text.replace(/\u2212/g, "-").replace(/(\d),(?=\d{3})/g, "$1").match(/^[^\d-]{0,2}(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/i);
    return found ? Number(found[1]) : NaN;
  };
  const isDash = (text) => text === "" || text.startsWith("\u2013");
  const compare = (a, b, numeric) => {
    if (isDash(a) || isDash(b)) return isDash(a) - isDash(b);
    return numeric ? number(a) - number(b) : a.localeCompare(b, "en", { numeric: true });
  };
  const isNumeric = (rows, column) => {
    const texts = rows.map((row) => row.cells[column].textContent).filter((text) => !isDash(text));
    return texts.length > 0 && texts.every((text) => !Number.isNaN(number(text)));
  };

  // Rows with every row label written out, so that they can be reordered or hidden one by one.
  const flattened = (body, width) => {
    const open = new Array(width).fill(null);
    return [...body.rows].map((row) => {
      const flat = row.cloneNode(false);
      flat.removeAttribute("data-group");
      const own = [...row.cells];
      for (let column = 0; column < width; column += 1) {
        if (open[column] && open[column].left > 0) {
          open[column].left -= 1;
          flat.append(open[column].cell.cloneNode(true));
          continue;
        }
        const cell = own.shift().cloneNode(true);
        open[column] = { cell, left: cell.rowSpan - 1 };
        cell.removeAttribute("rowspan");
        flat.append(cell.cloneNode(true));
      }
      return flat;
    });
  };

  const enhance = (table) => {
    const original = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    if (original.rows.length < 2) return;
    const state = { column: -1, sign: 1, filter: "" };
    let flat = null;
    const count = document.createElement("span");
    count.setAttribute("role", "status");

    const redraw = () => {
      const plain = state.column < 0 && !state.filter;
      heads.forEach((head, i) => head.setAttribute("aria-sort", i !== state.column ? "none" : state.sign > 0 ? "ascending" : "descending"));
      count.textContent = "";
      reset.classList.toggle("hidden", plain);
      if (plain) return void table.tBodies[0].replaceWith(original);
      flat = flat || flattened(original, heads.length);
      let rows = flat.filter((row) => row.textContent.toLowerCase().includes(state.filter));
      if (state.filter) count.textContent = `${rows.length} of ${flat.length} rows`;
      if (state.column >= 0) {
        const numeric = isNumeric(flat, state.column);
        const text = (row) => row.cells[state.column].textContent.trim();
        rows = [...rows].sort((a, b) => {
          const dashes = isDash(text(a)) || isDash(text(b));
          return compare(text(a), text(b), numeric) * (dashes ? 1 : state.sign);
        });
      }
      const body = document.createElement("tbody");
      body.append(...rows);
      table.tBodies[0].replaceWith(body);
    };

    heads.forEach((head, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent.trim() || "Row";
      button.title = "Sort: ascending, descending, original order";
      head.textContent = "";
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        if (state.column !== i) Object.assign(state, { column: i, sign: 1 });
        else if (state.sign > 0) state.sign = -1;
        else Object.assign(state, { column: -1, sign: 1 });
        redraw();
      });
    });

    const tools = document.createElement("div");
    tools.className = "tools";
    const reset = document.createElement("button");
    reset.type = "button";
    reset.textContent = "Original order, all rows";
    reset.className = "hidden";
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "Show rows that contain\u2026";
    input.setAttribute("aria-label", `Show rows that contain a text, in: ${table.closest(".scroll").getAttribute("aria-label")}`);
    input.addEventListener("input", () => { state.filter = input.value.trim().toLowerCase(); redraw(); });
    reset.addEventListener("click", () => { Object.assign(state, { column: -1, sign: 1, filter: "" }); input.value = ""; redraw(); });
    if (original.rows.length >= FEW) tools.append(input);
    tools.append(count, reset);
    table.closest(".scroll").before(tools);
    if (original.rows.length > LONG) table.closest(".table").classList.add("long");
  };
  document.querySelectorAll("main .table table").forEach(enhance);

  // What does not fit its box fades out at the cut edge, and a line above the box says so.
  const watch = (box) => {
    const hint = document.createElement("span");
    hint.className = "hint";
    const tools = box.previousElementSibling;
    if (tools && tools.classList.contains("tools")) tools.append(hint);
    else box.before(hint);
    const update = () => {
      const wide = box.scrollWidth - box.clientWidth > 2, tall = box.scrollHeight - box.clientHeight > 2;
      box.classList.toggle("more-right", box.scrollWidth - box.clientWidth - box.scrollLeft > 2);
      box.classList.toggle("more-down", tall && box.scrollHeight - box.clientHeight - box.scrollTop > 2);
      const rows = tall && box.querySelector("tbody") ? `${box.querySelector("tbody").rows.length} rows, scroll down` : "";
      hint.textContent = [rows, wide ? "scroll sideways to see all" : ""].filter(Boolean).join("; ");
      hint.classList.toggle("hidden", !hint.textContent);
    };
    box.addEventListener("scroll", update, { passive: true });
    const sizes = new ResizeObserver(update);
    for (const item of [box, ...box.children]) sizes.observe(item);
  };
  document.querySelectorAll("main .scroll").forEach(watch);

  // Navigation: the current place is marked, its chapter unfolded.
  const nav = document.querySelector("nav");
  const fold = nav.querySelector("details");
  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const narrow = window.matchMedia("(max-width: 64rem)");
  const mark = () => {
    const line = 0.2 * window.innerHeight;
    let current = sections[0];
    for (const section of sections) if (section.getBoundingClientRect().top <= line) current = section;
    const link = links.get(current.id);
    if (link.hasAttribute("aria-current")) return;
    links.forEach((other) => other.removeAttribute("aria-current"));
    nav.querySelectorAll("li.open").forEach((item) => item.classList.remove("open"));
    link.setAttribute("aria-current", "true");
    link.closest("nav > details > ol > li").classList.add("open");
    nav.querySelector(".here").textContent = `\u00b7 ${[...link.childNodes].map((node) => node.textContent).join(" ")}`;
    const box = nav.getBoundingClientRect(), at = link.getBoundingClientRect();
    if (!narrow.matches && (at.top < box.top || at.bottom > box.bottom)) nav.scrollTop += at.top - box.top - box.height / 3;
  };
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mark(); });
  };
  const fit = () => { fold.open = !narrow.matches; later(); };
  narrow.addEventListener("change", fit);
  window.addEventListener("scroll", later, { passive: true });
  window.addEventListener("resize", later, { passive: true });
  nav.addEventListener("click", (event) => { if (event.target.closest("a") && narrow.matches) fold.open = false; });
  fit();

  // A link into a folded table opens it; printing opens all.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("main details:not([open])")];
    closed.forEach((item) => { item.open = true; });
  });
  window.addEventListener("afterprint", () => closed.forEach((item) => { item.open = false; }));
})();
