// Galaxies side by side, each a button that sends its id (a string: ids exceed the precision of numbers here).

const card = (item, selected, pick) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "gz2-card";
  button.title = [item.alt || item.id, item.title, item.note].filter(Boolean).join("\n");
  button.dataset.galaxy = item.id;
  button.setAttribute("aria-pressed", String(item.id === selected));
  button.onclick = () => pick(item.id);
  const picture = document.createElement("img");
  Object.assign(picture, { src: item.picture, alt: item.alt || `galaxy ${item.id}`, loading: "lazy" });
  const words = document.createElement("span");
  words.className = "gz2-words";
  for (const [name, text] of [["gz2-title", item.title], ["gz2-note", item.note]]) {
    const line = document.createElement("span");
    line.className = name;
    line.textContent = text;
    words.append(line);
  }
  button.append(picture, ...(item.title || item.note ? [words] : []));
  return button;
};

// The node is reused, so that it keeps the focus, and the browser recognises a double click.
const showButton = (grid, { id, label, kind }, pick) => {
  grid.className = "gz2-buttons";
  const button = grid.querySelector("button") ?? grid.appendChild(document.createElement("button"));
  Object.assign(button, { type: "button", className: `gz2-button gz2-${kind}`, textContent: label });
  button.dataset.value = id;
  button.onclick = (event) => event.detail < 2 && pick({ id });
};

export default function ({ parentElement, data, setStateValue }) {
  const grid = parentElement.querySelector(".gz2-gallery, .gz2-buttons");
  const pick = keeper(grid, data.serial, (events) => setStateValue("pick", events));
  if (data.button) return showButton(grid, data.button, pick);
  grid.gz2Pick = pick;
  const drawn = JSON.stringify(data.items);
  if (grid.gz2Drawn === drawn) {
    // Cards are reused: a card that is pressed while the page is drawn again would lose its click.
    for (const each of grid.children) each.setAttribute("aria-pressed", String(each.dataset.galaxy === data.selected));
    return;
  }
  grid.gz2Drawn = drawn;
  const focused = document.activeElement?.dataset?.galaxy;
  grid.style.setProperty("--gz2-card", `${data.width}px`);
  grid.replaceChildren(...data.items.map((item) => card(item, data.selected, (id) => grid.gz2Pick({ id }))));
  if (focused) grid.querySelector(`[data-galaxy="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
