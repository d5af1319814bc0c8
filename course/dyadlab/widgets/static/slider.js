// A slider and a number field for one value. The browser's own controls do the work; this keeps both at the same value
// and tells Python, at most once for each picture that the screen shows. The model of ipywidgets sends nothing while
// Python is busy with the last value and keeps only the newest for then: a slow Python gets few values, always the last.

function input(type, attributes) {
  const made = document.createElement("input");
  made.type = type;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function render({ model, el }) {
  const [min, max, step, decimals] = ["min", "max", "step", "decimals"].map((name) => model.get(name));
  const [name, unit] = [model.get("description"), model.get("unit")];
  const id = `dyad-slider-${Math.random().toString(36).slice(2)}`; // each slider has this module anew: no counting here
  let [newest, frame] = [null, null]; // what the hand did last and Python is not told yet
  let painted = ""; // what stands in the field unless somebody is typing

  const root = document.createElement("div");
  root.className = "dyad-slider";
  root.style.setProperty("--label", model.get("label_width"));
  const label = document.createElement("label");
  label.htmlFor = id;
  label.textContent = name;
  const range = input("range", { id, min, max, step });
  // The range of the field is not given to the browser, which would call a number bad while it is half typed.
  const field = input("number", { step: "any", inputmode: "decimal", "aria-label": `${name}, as a number` });
  root.append(label, range, field);
  el.append(root);

  const tidy = (value) => Number(Math.min(max, Math.max(min, value)).toFixed(decimals)) || 0;
  const now = () => newest ?? model.get("value");

  function paint(value, alsoField = true) {
    const shown = value.toFixed(decimals);
    if (Number(range.value) !== value) range.value = value; // between two steps the thumb stands at the nearer
    range.setAttribute("aria-valuetext", shown.replace("-", "−") + (unit ? ` ${unit}` : ""));
    if (alsoField) field.value = painted = shown;
  }

  function tell() {
    cancelAnimationFrame(frame);
    frame = null;
    if (newest === null) return;
    model.set("value", newest);
    newest = null;
    model.save_changes();
  }

  function move(value) {
    newest = tidy(value);
    paint(newest);
    frame ??= requestAnimationFrame(tell);
  }

  // A number counts when it is whole: at Enter, or when the field is left. An empty field gets its number back.
  function typed() {
    if (field.value === "" || tidy(field.valueAsNumber) === now()) paint(now());
    else move(field.valueAsNumber);
  }

  range.addEventListener("input", () => move(range.valueAsNumber));
  range.addEventListener("change", tell);
  field.addEventListener("change", typed);
  field.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (steps) {
      event.preventDefault();
      typed();
      move(now() + steps * step);
    } else if (event.key === "Enter" && !event.shiftKey) typed();
    else if (event.key === "Escape") paint(now());
  });
  root.addEventListener("keydown", (event) => {
    // A notebook in command mode would cut the cell at x, delete it at d d.
    if (!event.ctrlKey && !event.metaKey && !(event.key === "Enter" && event.shiftKey)) event.stopPropagation();
  });

  // What is half typed stays when Python sets another value, and so does what the hand is doing.
  const heard = () => newest === null && paint(model.get("value"), field.value === painted);

  model.on("change:value", heard);
  paint(model.get("value"));
  return () => {
    tell();
    model.off("change:value", heard);
  };
}

export default { render };
