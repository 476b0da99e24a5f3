// Rating with the keyboard: keys work on the whole page, except in text fields.
// A galaxy's id is a string: ids exceed the precision of numbers here.

const RATINGS = ["ordinary", "", "", "", "", "look at it"];
const MOVES = [
  ["previous", "k", "one up"],
  ["following", "j", "one down"],
  ["next", "n", "next"],
  ["undo", "u", "undo"],
];
const KEYS = { ...Object.fromEntries(RATINGS.map((_, i) => [String(i), String(i)])),
  b: "0", i: "5", j: "following", k: "previous", ArrowRight: "following", ArrowLeft: "previous", n: "next", u: "undo" };

const typing = (target) => target?.closest?.("input, textarea, select, [contenteditable=true], [role=combobox], [role=listbox]");

const button = (name, key, words, pressed, press) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "gz2-key";
  made.dataset.key = name;
  made.setAttribute("aria-pressed", String(pressed));
  made.setAttribute("aria-keyshortcuts", key);
  const cap = document.createElement("kbd");
  cap.textContent = key;
  made.append(cap);
  if (words) made.append(Object.assign(document.createElement("span"), { textContent: words }));
  made.onclick = () => press(name);
  return made;
};

let listening = null;

export default function ({ parentElement, data, setStateValue }) {
  const bar = parentElement.querySelector(".gz2-rating");
  const tell = keeper(bar, data.serial, (events) => setStateValue("press", events));
  const rates = (name) => /^[0-5]$/.test(name);
  bar.dataset.turn = `${data.turn}:${data.galaxy}`;
  bar.dataset.galaxy = data.galaxy;
  const press = (name) => {
    // Until the page is updated, a second rating would be of a galaxy that is not displayed yet.
    if (bar.dataset.sent === bar.dataset.turn && rates(name)) return;
    if (rates(name)) bar.dataset.sent = bar.dataset.turn;
    tell({ key: name, galaxy: data.galaxy });
  };
  const ratings = RATINGS.map((words, i) => button(String(i), String(i), words, data.rating === i, press));
  const moves = MOVES.map(([name, key, words]) => button(name, key, words, false, press));
  const gap = Object.assign(document.createElement("span"), { className: "gz2-gap" });
  bar.replaceChildren(...ratings, gap, ...moves);
  if (listening) document.removeEventListener("keydown", listening);
  listening = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    const name = KEYS[event.key];
    if (!name || !bar.isConnected) return;
    event.preventDefault();
    event.stopPropagation();
    press(name);
  };
  document.addEventListener("keydown", listening);
  return () => {
    if (listening) document.removeEventListener("keydown", listening);
    listening = null;
  };
}
