// Cells over a picture, or cells that are pictures. One of them can be reached with Tab; the arrow keys go from there to the nearest in their direction.

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const percent = (value) => `${value.toFixed(3)}%`;

const button = (cell, chosen) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = cell.picture ? "gz2-cell gz2-pictured" : "gz2-cell";
  made.dataset.cell = cell.id;
  made.tabIndex = -1;
  made.setAttribute("aria-label", cell.words);
  made.setAttribute("aria-pressed", String(cell.id === chosen));
  Object.assign(made.style, { left: percent(cell.x), top: percent(cell.y), width: percent(cell.width), height: percent(cell.height) });
  if (cell.colour) made.style.setProperty("--gz2-frame", cell.colour);
  if (cell.picture) made.style.backgroundImage = `url("${cell.picture}")`;
  return made;
};

const middle = (cell) => [cell.x + cell.width / 2, cell.y + cell.height / 2];

// The nearest cell that lies more along the way than beside it.
const next = (cells, from, [right, down]) => {
  const [x, y] = middle(from);
  let [best, least] = [null, Infinity];
  for (const cell of cells) {
    const [dx, dy] = [middle(cell)[0] - x, middle(cell)[1] - y];
    const [along, beside] = right ? [dx * right, Math.abs(dy)] : [dy * down, Math.abs(dx)];
    if (along <= 1e-6 || beside > along) continue;
    if (along + 2 * beside < least) [best, least] = [cell, along + 2 * beside];
  }
  return best;
};

export default function ({ parentElement, data, setStateValue }) {
  const board = parentElement.querySelector(".gz2-board");
  const choose = keeper(board, data.serial, (events) => setStateValue("choice", events));
  const words = parentElement.querySelector(".gz2-board-words");
  const focused = board.contains(document.activeElement) ? document.activeElement.dataset.cell : null;
  const byId = new Map(data.cells.map((cell) => [cell.id, cell]));
  const resting = byId.get(data.chosen);
  const tell = (cell) => (words.textContent = (cell ?? resting)?.words ?? "");
  const focusedCell = () => byId.get(board.contains(document.activeElement) ? document.activeElement.dataset.cell : "");
  const of = (event) => byId.get(event.target.closest?.(".gz2-cell")?.dataset.cell);
  board.setAttribute("aria-label", data.label);
  board.style.backgroundImage = data.picture ? `url("${data.picture}")` : "none";
  board.classList.toggle("gz2-chart", !data.picture);
  const drawn = JSON.stringify(data.cells);
  if (board.gz2Drawn === drawn) {
    // Cells are reused: a cell that is pressed while the page is drawn again would lose its click.
    for (const each of board.children) each.setAttribute("aria-pressed", String(each.dataset.cell === data.chosen));
  } else {
    board.replaceChildren(...data.cells.map((cell) => button(cell, data.chosen)));
    board.gz2Drawn = drawn;
  }
  const reach = (id) => board.querySelector(`[data-cell="${CSS.escape(id)}"]`);
  const first = reach(data.chosen) ?? board.firstElementChild;
  for (const each of board.children) each.tabIndex = each === first ? 0 : -1;
  if (focused) reach(focused)?.focus({ preventScroll: true });
  board.onclick = (event) => of(event) && choose({ id: of(event).id });
  board.onpointerover = (event) => tell((board.gz2Pointed = of(event)));
  board.onpointerleave = () => tell((board.gz2Pointed = undefined) ?? focusedCell());
  board.onfocusin = (event) => tell(of(event));
  board.onfocusout = () => tell();
  board.onkeydown = (event) => {
    const way = WAYS[event.key];
    const cell = of(event);
    if (!way || !cell || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const other = next(data.cells, cell, way);
    if (!other) return;
    event.target.tabIndex = -1;
    reach(other.id).tabIndex = 0;
    reach(other.id).focus({ preventScroll: true });
  };
  tell(byId.get(board.gz2Pointed?.id) ?? focusedCell());
}
