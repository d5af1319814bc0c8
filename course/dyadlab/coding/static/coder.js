// The coding tool in the page. It draws every decision at once, sends it to Python, and calls it saved when Python has
// said so. No element that can hold the focus is ever removed or disabled, so the keyboard never loses its place.

const PATIENCE = 4000; // milliseconds until a decision that nobody has confirmed is called not saved
const STEPS = [1, 2, 3];

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function render({ model, el }) {
  const setup = model.get("setup");
  const { items, names, practice } = setup;
  const several = new Set(items.map((item) => item.session)).size > 1;
  const place = new Map(items.map((item, index) => [item.key, index]));
  const toCode = items.filter((item) => item.toCode);
  const own = Math.random().toString(36).slice(2); // two copies in one page must not share ids
  const marks = new Map();
  const seen = new Map(); // key -> number of the newest message that told of it; an older one may come later
  const pending = new Map(); // message id -> what was asked for and is not confirmed yet
  let [current, counted, newest, refusal, summary, opened] = [place.get(toCode[0].key), 0, 0, "", null, false];
  let [waiting, noteTimer, backTo] = [null, null, null];

  // ------------------------------------------------------------------ what a mark says; the same rules as in codes.py

  const markOf = (key) => marks.get(key) ?? { mind: null, kind: "", fits: null, note: "", code: "", category: "" };
  const unsaid = (answer) => answer === null || answer === undefined; // Python in the page makes undefined of its None
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const kindName = (kind) => names[kind] ?? kind;
  const inWords = (code, category) => names[code] + (category ? `, ${kindName(category)}` : "");

  function answered(mark, step, value) {
    const next = { ...mark };
    if (step === 1) Object.assign(next, { mind: value, kind: "", fits: null, disagrees: false });
    else if (step === 2) next.kind = value;
    else next.fits = value;
    next.code = codeOf(next);
    const related = next.code === "appropriate" || next.code === "non_attuned";
    next.category = !related ? "" : next.kind === "bodily_state" ? "emotion" : next.kind;
    return next;
  }

  function codeOf({ mind, kind, fits }) {
    if (mind === false) return "not_mind_related";
    if (!mind || unsaid(fits)) return "";
    if (!fits) return "non_attuned";
    return kind === "bodily_state" ? "not_mind_related" : "appropriate";
  }

  function stepOf(mark) {
    if (unsaid(mark.mind) || mark.code) return 1;
    return mark.kind ? 3 : 2;
  }

  const allCoded = () => toCode.every((item) => markOf(item.key).code);
  const open = (mark, step) => step === 1 || (mark.mind && (step === 2 || mark.kind));

  // ------------------------------------------------------------------ parts

  const pair = (term, meaning) => node("div", {}, node("dt", {}, term), node("dd", {}, meaning));

  const button = (label, key, run, extra = {}) => {
    const made = node("button", { type: "button", "aria-keyshortcuts": key.keys, ...extra }, node("span", {}, label));
    if (key.shown) made.append(node("kbd", { "aria-hidden": "true" }, key.shown));
    made.addEventListener("click", () => (made.getAttribute("aria-disabled") === "true" ? say("That comes later: answer the steps above first.") : run()));
    return made;
  };

  const root = node("div", { class: "dyad-coder", role: "group", "aria-label": `Coding tool. ${setup.title}` });
  const progress = node("progress", { max: toCode.length, value: 0, "aria-label": "Comments coded" });
  const progressWords = node("span", { class: "dyad-count" });
  const saved = node("p", { class: "dyad-saved", role: "status" });
  const notice = node("p", { class: "dyad-notice", role: "alert", hidden: "" });
  const announcer = node("div", { class: "dyad-unseen", role: "status" });

  const filter = node("select", { id: `${own}-filter` });
  const filters = { all: "all comments", "not coded": "not coded", unsure: "unsure", noted: "with a note" };
  if (practice) filters.disagrees = "where I disagree";
  for (const [value, label] of Object.entries(filters)) filter.append(node("option", { value }, label));

  const list = node("div", { class: "dyad-flow", role: "listbox", tabindex: "0", "aria-label": "Comments of the session" });
  const rows = items.map((item, index) => flowRow(item, index, items[index - 1]));

  function flowRow(item, index, before) {
    const row = node("div", { role: "option", id: `${own}-${index}`, "aria-selected": "false" });
    if (several && item.session !== before?.session) row.append(node("span", { class: "dyad-break" }, `Session ${item.session}, ${item.infant}`));
    else if (before && item.number !== before.number + 1) row.append(node("span", { class: "dyad-break" }, "some comments left out"));
    if (item.lull) row.append(node("span", { class: "dyad-lull" }, `lull: ${item.lull} seconds since the last comment`));
    if (item.activity !== before?.activity || item.session !== before?.session || item.lull) {
      row.append(node("span", { class: "dyad-baby" }, `${item.infant}: ${item.activity}`));
    }
    const badge = node("span", { class: "dyad-badge" });
    const extra = node("span", { class: "dyad-extra" });
    row.append(node("span", { class: "dyad-time" }, item.time), node("span", { class: "dyad-words" }, item.text), badge, extra);
    if (!item.toCode) row.setAttribute("aria-disabled", "true");
    row.addEventListener("click", () => item.toCode && go(index, false));
    list.append(row);
    return { row, badge, extra };
  }

  const panel = node("div", { class: "dyad-panel", role: "group", "aria-labelledby": `${own}-where` });
  const where = node("p", { class: "dyad-where", id: `${own}-where` });
  const quote = node("blockquote", {});
  const baby = node("dl", { class: "dyad-behaviour" });
  panel.append(where, quote, baby);

  const steps = STEPS.map((step) => {
    const { question, help } = setup.steps[step - 1];
    const id = `${own}-step-${step}`;
    const group = node("div", { class: "dyad-step", role: "group", "aria-labelledby": id });
    const marker = node("span", { class: "dyad-turn" });
    group.append(node("p", { id }, node("strong", {}, `Step ${step}. `), question, marker));
    const choices = node("div", { class: "dyad-choices" });
    const options = step === 2 ? setup.kinds.map((kind, i) => [kind.kind, sentence(kindName(kind.kind)), String(i + 1)])
      : [[true, "Yes", "Y"], [false, "No", "N"]];
    const buttons = options.map(([value, label, key]) => {
      const title = step === 2 ? setup.kinds[key - 1].meaning : help;
      const made = button(label, { keys: key, shown: key }, () => answer(step, value), { "aria-pressed": "false", title });
      choices.append(made);
      return { made, value };
    });
    group.append(choices);
    panel.append(group);
    return { group, buttons, marker };
  });

  const result = node("p", { class: "dyad-result" });
  const reason = node("div", { class: "dyad-reason", hidden: "" });
  const disagree = button("I disagree", { keys: "D", shown: "D" }, () => toggle("disagrees"), { "aria-pressed": "false" });
  const unsure = button("I am unsure", { keys: "F", shown: "F" }, () => toggle("unsure"), { "aria-pressed": "false" });
  const undo = button("Undo", { keys: "U Control+Z", shown: "U" }, () => send({ do: "undo" }));
  const previous = button("Previous", { keys: "ArrowUp", shown: "↑" }, () => move(-1));
  const following = button("Next", { keys: "ArrowDown", shown: "↓" }, () => move(+1));
  const helpButton = button("Definitions and keys", { keys: "H", shown: "H" }, () => show(help, helpButton), { "aria-expanded": "false" });
  const summaryButton = button("Summary", { keys: "S", shown: "S" }, () => show(overview, summaryButton), { "aria-expanded": "false" });
  const note = node("textarea", { id: `${own}-note`, rows: "1", "aria-keyshortcuts": "W", placeholder: "if you like" });
  const noteLabel = node("label", { for: note.id }, "Your note ", node("kbd", { "aria-hidden": "true" }, "W"));
  panel.append(result, reason);
  if (practice) panel.append(disagree);
  panel.append(node("div", { class: "dyad-choices dyad-tools" }, unsure, undo, previous, following), noteLabel, note);

  const help = node("div", { class: "dyad-drawer", role: "region", tabindex: "-1", "aria-label": "Definitions and keys", hidden: "" });
  const overview = node("div", { class: "dyad-drawer", role: "region", tabindex: "-1", "aria-label": "Summary", hidden: "" });
  writeHelp();

  const filterLabel = node("label", { for: filter.id }, "Show ");
  root.append(
    node("div", { class: "dyad-head" },
      node("strong", {}, setup.title), node("span", { class: "dyad-progress" }, progress, progressWords),
      node("span", {}, filterLabel, filter), node("span", { class: "dyad-choices" }, helpButton, summaryButton), saved),
    notice, help, overview, node("div", { class: "dyad-body" }, list, panel), announcer);
  el.append(root);

  function writeHelp() {
    const table = node("dl", { class: "dyad-keys" });
    const keys = [["Y, N", "yes, no (steps 1 and 3)"], ["1 to 7", "the kind (step 2)"], ["↑ ↓", "the comment before, the next"],
      ["Enter", "the next comment, from the list"], ["Home, End", "the first, the last"],
      ["U or Ctrl Z", "undo"], ["F", "flag: I am unsure"], ["W", "write a note; Escape leaves it"]];
    if (practice) keys.push(["D", "I disagree with the reason"]);
    keys.push(["H", "definitions, open and shut"], ["S", "summary, open and shut"], ["Tab", "through all buttons, and out of the tool"]);
    for (const [key, does] of keys) table.append(pair(key, does));
    const part = (title, lines) => [node("p", { class: "dyad-title" }, title), node("ul", {}, ...lines.map((line) => node("li", {}, line)))];
    help.append(
      ...part("The three steps", setup.steps.map((s) => `${s.question} ${s.help}`)),
      ...part("Kinds (step 2)", setup.kinds.map((k, i) => `${i + 1} ${sentence(kindName(k.kind))}: ${k.meaning}. “${k.example}”`)),
      ...setup.help.flatMap(({ title, lines }) => part(title, lines)),
      node("p", { class: "dyad-title" }, "Keys"), table,
      button("Close", { keys: "Escape", shown: "Esc" }, () => show(help, helpButton)));
  }

  // ------------------------------------------------------------------ drawing

  function paintRow(index) {
    const item = items[index];
    const { row, badge, extra } = rows[index];
    const mark = markOf(item.key);
    badge.textContent = !item.toCode ? "" : mark.code ? names[mark.code] : unsaid(mark.mind) ? "not coded" : "begun";
    badge.dataset.code = item.toCode ? mark.code || "open" : "none";
    extra.textContent = [mark.unsure ? "? unsure" : "", mark.note ? "✎ note" : "", mark.disagrees ? "≠ disagree" : ""].filter(Boolean).join(" ");
    row.setAttribute("aria-selected", String(index === current));
  }

  function paintComment() {
    const item = items[current];
    const mark = markOf(item.key);
    const number = toCode.indexOf(item) + 1;
    where.textContent = `Comment ${number} of ${toCode.length}${several ? ` · session ${item.session}` : ""} · at ${item.time}${item.lull ? ` · after a lull of ${item.lull} seconds` : ""}`;
    quote.textContent = item.text;
    const facts = [[`What ${item.infant} does`, item.activity], ["Looks at", item.gaze], ["Face", item.face], ["Sound", item.sound]];
    baby.replaceChildren(...facts.map(([term, what]) => pair(term, what)));
    if (document.activeElement !== note) note.value = mark.note ?? ""; // what is being typed stays
    paintSteps(item, mark);
  }

  function paintSteps(item, mark) {
    const values = [mark.mind, mark.kind, mark.fits];
    const turn = stepOf(mark);
    steps.forEach(({ group, buttons, marker }, i) => {
      const isOpen = Boolean(open(mark, i + 1));
      const now = turn === i + 1 && !mark.code;
      group.dataset.turn = now ? "now" : isOpen ? "open" : "later";
      marker.textContent = now ? " ◀ now" : isOpen ? "" : " (later)";
      for (const { made, value } of buttons) {
        made.setAttribute("aria-pressed", String(value === values[i] && value !== ""));
        if (isOpen) made.removeAttribute("aria-disabled");
        else made.setAttribute("aria-disabled", "true");
      }
    });
    result.textContent = mark.code ? `Your code: ${inWords(mark.code, mark.category)}.${whatIsLeft()}` : "Not coded yet.";
    result.dataset.code = mark.code || "open";
    unsure.setAttribute("aria-pressed", String(Boolean(mark.unsure)));
    disagree.setAttribute("aria-pressed", String(Boolean(mark.disagrees)));
    if (mark.code && item.expert) disagree.removeAttribute("aria-disabled");
    else disagree.setAttribute("aria-disabled", "true");
    reason.hidden = !(practice && mark.code && item.expert);
    if (!reason.hidden) reason.replaceChildren(...reasonWords(item.expert, mark).map((words) => node("p", {}, words)));
  }

  // Made from the marks at each drawing, so that it stays when Python's answer has the comment drawn again.
  function whatIsLeft() {
    if (practice) return "";
    if (allCoded()) return " Every comment is coded: S shows the summary.";
    return items[current] === toCode.at(-1) ? " Some comments are not coded yet: S lists them." : "";
  }

  function reasonWords({ code, category, way, reason: why }, mark) {
    const same = code === mark.code && (!category || category === mark.category);
    const near = code === mark.code && !same;
    const verdict = same ? "The expert gave the same code" : near ? "The expert gave the same code, for another kind" : "The expert gave another code";
    return [`${verdict}: ${inWords(code, category)}.`, `Reason: ${why}${way ? ` (${way.replace(/\.$/, "")}.)` : ""}`];
  }

  function paintProgress() {
    const done = toCode.filter((item) => markOf(item.key).code).length;
    const doubts = toCode.filter((item) => markOf(item.key).unsure).length;
    progress.value = done;
    progressWords.textContent = `${done} of ${toCode.length} coded${doubts ? `, ${doubts} unsure` : ""}`;
  }

  function paintSaved() {
    const open = new Set([...pending.values()].map(({ key }) => key)).size;
    const late = pending.size && !waiting;
    if (refusal) saved.textContent = `NOT SAVED. ${refusal}`;
    else if (late) saved.textContent = `NOT SAVED yet: ${open || 1} of your decisions. Python is busy or was restarted. If this stays, run the cell of this tool again and make ${open === 1 ? "it" : "them"} again.`;
    else if (pending.size) saved.textContent = "Saving…";
    else saved.textContent = opened ? `✓ All saved in ${setup.file}` : "Waiting for Python…";
    saved.dataset.state = refusal || late ? "bad" : pending.size ? "busy" : "good";
  }

  function paintOverview() {
    if (!summary) return;
    const link = (keys) => (keys.length ? keys.map((key) => (several ? key : items[place.get(key)].number)).join(", ") : "none");
    const lines = [`${summary.coded} of ${summary.comments} comments coded.`,
      ...Object.entries(summary.codes).map(([code, count]) => `${sentence(names[code])}: ${count}`),
      `Kinds: ${Object.entries(summary.categories).map(([kind, count]) => `${kindName(kind)} ${count}`).join(", ") || "none yet"}`,
      `Not coded: ${link(summary.not_coded)}`, `Unsure: ${link(summary.unsure)}`, `With a note: ${link(summary.noted)}`];
    if (practice) lines.push(`Where you disagree with the reason: ${link(summary.disagrees)}`);
    const left = summary.not_coded.length;
    const next = left ? "Go on where the list says “not coded”." : practice ? "Practice is done. Go on in the notebook below."
      : "The session is coded. Look again at what you are unsure of (choose it behind “Show”), then go on in the notebook below. What an expert decided is for your teacher to show once it is graded.";
    const close = overview.querySelector("button") ?? button("Close", { keys: "Escape", shown: "Esc" }, () => show(overview, summaryButton));
    const words = [node("p", { class: "dyad-title" }, "Summary"), node("ul", {}, ...lines.map((line) => node("li", {}, line))), node("p", {}, next)];
    [...overview.children].filter((child) => child !== close).forEach((child) => child.remove());
    overview.prepend(...words);
    if (!close.isConnected) overview.append(close);
  }

  function paintFilter() {
    const wanted = { all: () => true, "not coded": (m) => !m.code, unsure: (m) => m.unsure, noted: (m) => m.note, disagrees: (m) => m.disagrees }[filter.value];
    items.forEach((item, index) => {
      const shown = filter.value === "all" || index === current || (item.toCode && wanted(markOf(item.key)));
      rows[index].row.hidden = !shown;
    });
  }

  function centre() {
    const { row } = rows[current];
    list.scrollTop = row.offsetTop - (list.clientHeight - row.offsetHeight) / 2;
    list.setAttribute("aria-activedescendant", row.id);
  }

  // ------------------------------------------------------------------ doing

  function go(index, aloud = true, before = "") {
    keepNote();
    const old = current;
    current = index;
    note.value = markOf(items[current].key).note ?? "";
    paintRow(old);
    paintRow(current);
    paintFilter();
    paintComment();
    centre();
    if (aloud) announce(before);
  }

  // A screen reader stays silent when a text is replaced by the same text.
  function say(words) {
    announcer.textContent = announcer.textContent === words ? `${words}\u00a0` : words;
  }

  function announce(before = "") {
    const item = items[current];
    const mark = markOf(item.key);
    const code = mark.code ? ` Coded ${inWords(mark.code, mark.category)}.` : "";
    say(`${before}Comment ${toCode.indexOf(item) + 1} of ${toCode.length}${item.lull ? ", after a lull" : ""}: ${item.text} ${item.infant}: ${item.activity}; looks at ${item.gaze}; face ${item.face}; ${item.sound}.${code}`);
  }

  function move(by, before = "") {
    for (let index = current + by; index >= 0 && index < items.length; index += by) {
      if (items[index].toCode && !rows[index].row.hidden) return go(index, true, before);
    }
    say(`${before}${by > 0 ? "This is the last comment shown." : "This is the first comment shown."}`);
    return undefined;
  }

  function answer(step, value) {
    const item = items[current];
    const mark = markOf(item.key);
    if (!open(mark, step)) {
      say(`Answer step ${step - 1} first.`);
      return;
    }
    const next = answered(mark, step, value);
    marks.set(item.key, next);
    send({ do: "answer", key: item.key, answers: [next.mind, next.kind, next.fits].filter((said) => !unsaid(said)) });
    changed();
    if (!next.code) say(`Step ${stepOf(next)}. ${setup.steps[stepOf(next) - 1].question}`);
    else if (practice) say(`Your code: ${inWords(next.code, next.category)}. ${reason.hidden ? "" : reason.innerText}`);
    else {
      if (item === toCode.at(-1) || allCoded()) finish();
      else move(+1, `${sentence(inWords(next.code, next.category))}. `);
    }
  }

  function finish() {
    say(allCoded() ? "Every comment is coded. Press S for the summary." : "This was the last comment; some are not coded yet. Press S for the summary.");
  }

  function toggle(what) {
    const { key } = items[current];
    const mark = markOf(key);
    marks.set(key, { ...mark, [what]: !mark[what] });
    send({ do: "set", key, said: { [what]: !mark[what] } });
    changed();
    say(what === "unsure" ? (mark.unsure ? "No longer flagged." : "Flagged as unsure.") : mark.disagrees ? "Disagreement taken back." : "Noted: you disagree.");
  }

  function keepNote() {
    clearTimeout(noteTimer);
    const { key } = items[current];
    const mark = markOf(key);
    if (!opened || note.value === (mark.note ?? "")) return;
    marks.set(key, { ...mark, note: note.value });
    send({ do: "set", key, said: { note: note.value } });
    changed();
  }

  function changed() {
    paintRow(current);
    paintSteps(items[current], markOf(items[current].key));
    paintProgress();
  }

  function show(drawer, opener) {
    const other = drawer === help ? [overview, summaryButton] : [help, helpButton];
    const opening = drawer.hidden;
    if (opening && !other[0].hidden) {
      other[0].hidden = true;
      other[1].setAttribute("aria-expanded", "false");
    } else if (opening) backTo = root.contains(document.activeElement) ? document.activeElement : opener;
    if (drawer === overview) paintOverview();
    drawer.hidden = !opening;
    opener.setAttribute("aria-expanded", String(opening));
    (opening ? drawer : backTo ?? opener).focus();
  }

  // ------------------------------------------------------------------ talking with Python

  function send(message) {
    const id = `${own}-${(counted += 1)}`;
    pending.set(id, message);
    try {
      model.send({ ...message, id });
    } catch (error) {
      refusal = "The connection to Python is gone. Run the cell of this tool again.";
    }
    clearTimeout(waiting);
    waiting = setTimeout(() => { waiting = null; paintSaved(); }, PATIENCE);
    paintSaved();
  }

  function heard(message) {
    const asked = pending.get(message.to); // nothing, if another tab asked
    pending.delete(message.to);
    if (message.saved) {
      refusal = "";
      opened = true;
    } else refusal = message.why;
    const newer = new Set([...pending.values()].map(({ key }) => key)); // what has been decided since must not jump back
    for (const [key, mark] of Object.entries(message.marks)) {
      if (newer.has(key) || seen.get(key) > message.number) continue;
      seen.set(key, message.number);
      marks.set(key, mark);
      paintRow(place.get(key));
    }
    if (message.number > newest) {
      newest = message.number;
      summary = message.summary;
      notice.hidden = !message.notice;
      if (notice.textContent !== message.notice) notice.textContent = message.notice;
    }
    if (asked?.do === "undo" && !message.go) say("There is nothing to undo.");
    if (asked && message.go) go(place.get(message.go), asked.do === "undo", "Undone. ");
    else if (message.marks[items[current].key]) paintComment();
    else paintSteps(items[current], markOf(items[current].key));
    if (!overview.hidden) paintOverview();
    if (!pending.size) { clearTimeout(waiting); waiting = null; }
    paintProgress();
    paintSaved();
  }

  // ------------------------------------------------------------------ keyboard

  function shortcut(event) {
    const typing = event.target === note || event.target === filter;
    if (event.key === "Escape") {
      if (!help.hidden) show(help, helpButton);
      else if (!overview.hidden) show(overview, summaryButton);
      else if (typing) list.focus();
      else return false;
      return true;
    }
    if (event.altKey || typing) return false;
    if (event.ctrlKey || event.metaKey) return event.key.toLowerCase() === "z" && !event.shiftKey && (send({ do: "undo" }), true);
    const step = stepOf(markOf(items[current].key));
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const run = {
      y: () => answer(step, true), n: () => answer(step, false), u: () => send({ do: "undo" }), f: () => toggle("unsure"),
      w: () => note.focus(), h: () => show(help, helpButton), s: () => show(overview, summaryButton),
      ArrowDown: () => move(+1), ArrowUp: () => move(-1),
      Home: () => go(place.get(toCode[0].key)), End: () => go(place.get(toCode.at(-1).key)),
    }[key];
    if ((key === "y" || key === "n") && step === 2) say("Step 2 asks for a kind: a number from 1 to 7.");
    else if (/^[1-7]$/.test(key)) answer(2, setup.kinds[key - 1].kind);
    else if (key === "d" && practice && disagree.getAttribute("aria-disabled") !== "true") toggle("disagrees");
    else if (key === "Enter" && event.target === list && !event.shiftKey) move(+1);
    else if (run) run();
    else return false;
    return true;
  }

  root.addEventListener("keydown", (event) => {
    if (shortcut(event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (!event.ctrlKey && !event.metaKey && !(event.key === "Enter" && event.shiftKey)) {
      event.stopPropagation(); // a notebook in command mode would cut the cell at x, delete it at d d
    }
  });
  note.addEventListener("input", () => { clearTimeout(noteTimer); noteTimer = setTimeout(keepNote, 600); });
  note.addEventListener("change", keepNote);
  filter.addEventListener("change", () => { paintFilter(); centre(); });

  items.forEach((_, index) => paintRow(index));
  paintComment();
  paintProgress();
  model.on("msg:custom", heard);
  send({ do: "open" });
  requestAnimationFrame(centre); // the list has no height before it is in the page
  return () => { keepNote(); clearTimeout(waiting); model.off("msg:custom", heard); };
}

export default { render };
