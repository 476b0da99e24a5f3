// The map in the browser: draws a figure, and sends clicks, lassos, boxes and viewports in data coordinates.
// The server finds the nearest galaxy and the members of a lasso.

const STILL = 4; // screen pixels that a pointer may move during a click
const PAUSE = 220; // milliseconds without movement after which a viewport is sent
const STEP = 0.15; // share of the window that an arrow key moves
const ZOOM = 1.4;
const CONFIG = { displayModeBar: false, scrollZoom: true, doubleClick: false, responsive: false, showTips: false };

// Not window.Plotly: Streamlit's charts load a plotly.js of their own under that name.
const library = () => window.gz2interpPlotly;
const plotly = () =>
  library()
    ? Promise.resolve(library())
    : new Promise((ready) => window.addEventListener("gz2interp-plotly", () => ready(library()), { once: true }));

const css = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

class GalaxyMap {
  constructor(root) {
    this.root = root;
    this.plot = root.querySelector(".gz2-plot");
    this.tool = "pan";
    this.range = null; // the visible range; null until the user changes it
    this.serial = 0;
    this.events = [];
    this.hovered = null;
    this.pending = null;
    this.drawing = Promise.resolve();
    this.leaving = new AbortController();
    this.listenToButtons();
    this.listenToKeys();
    this.listenToPointer();
    this.resizing = new ResizeObserver(() => this.drawn && this.plot.clientWidth && library().Plots.resize(this.plot));
    this.resizing.observe(this.plot);
  }

  // -- drawing ------------------------------------------------------------------------------------------------------

  show(data) {
    this.data = data;
    this.range ??= data.window;
    if (this.pressed) this.pending = data; // not while the pointer is pressed
    else this.drawing = this.drawing.then(() => (this.pressed ? (this.pending = data) : this.draw(data)));
  }

  async draw(data) {
    const Plotly = await plotly();
    const figure = JSON.parse(data.figure);
    await Plotly.react(this.plot, figure.data, this.dressed(figure.layout), CONFIG);
    if (!this.drawn) this.listenToPlot();
    this.drawn = true;
    this.root.querySelector('[data-do="clear"]').disabled = !data.selected;
    this.root.classList.remove("gz2-busy");
    Object.assign(this.root.dataset, { drawn: "true", answered: data.answered });
  }

  dressed(layout) {
    const ink = css(this.root, "--st-text-color") || "#222";
    const ground = css(this.root, "--st-background-color") || "#fff";
    layout.font = { color: ink, family: css(this.root, "--st-font") || "sans-serif", size: 12 };
    layout.hoverlabel = { ...layout.hoverlabel, bgcolor: ground, bordercolor: ink, font: { color: ink, size: 12 } };
    layout.newselection = { line: { color: ink, width: 1.5, dash: "dot" } };
    layout.dragmode = this.tool;
    layout.selections = [];
    if (this.range) {
      layout.xaxis.range = this.range.x;
      layout.yaxis.range = this.range.y;
    }
    return layout;
  }

  // -- sending to the server -------------------------------------------------------------------------------------------

  tell(event) {
    this.serial = Math.max(Date.now(), this.serial + 1, this.data.answered + 1);
    this.root.classList.add("gz2-busy");
    // The last events are numbered and sent with every run: Streamlit may abort the run of a single event when another click follows.
    this.events = [...this.events, { ...event, serial: this.serial }].slice(-8);
    this.setStateValue("event", this.events);
  }

  tellViewport() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { xaxis, yaxis } = this.plot._fullLayout;
      this.setStateValue("viewport", { kind: "viewport", x: [...xaxis.range], y: [...yaxis.range] });
    }, PAUSE);
  }

  // -- event handlers ----------------------------------------------------------------------------------------------------

  listenToPlot() {
    this.plot.on("plotly_hover", (event) => (this.hovered = event.points[0]));
    this.plot.on("plotly_unhover", () => (this.hovered = null));
    this.plot.on("plotly_relayout", (change) => {
      if (!Object.keys(change).some((name) => name.startsWith("xaxis.range"))) return;
      const { xaxis, yaxis } = this.plot._fullLayout;
      this.range = { x: [...xaxis.range], y: [...yaxis.range] };
      this.tellViewport();
    });
    this.plot.on("plotly_selected", (event) => {
      if (event?.lassoPoints) {
        const { x, y } = event.lassoPoints;
        this.tell({ kind: "lasso", polygon: this.simplified(x.map((at, place) => [at, y[place]])) });
      } else if (event?.range) {
        this.tell({ kind: "box", x: [...event.range.x].sort((a, b) => a - b), y: [...event.range.y].sort((a, b) => a - b) });
      }
    });
  }

  listenToPointer() {
    const always = { capture: true, signal: this.leaving.signal };
    const press = (event) => (this.pressed = event.button === 0 ? { x: event.clientX, y: event.clientY, still: true } : null);
    this.plot.addEventListener("pointerdown", press, true);
    window.addEventListener("pointermove", (event) => this.pressed && this.moved(event), always);
    window.addEventListener("pointerup", (event) => this.released(event), always);
    window.addEventListener("pointercancel", () => (this.pressed = null), always);
  }

  // A lasso may end where it began: a click is an event without any movement.
  moved(event) {
    if (Math.hypot(event.clientX - this.pressed.x, event.clientY - this.pressed.y) > STILL) this.pressed.still = false;
  }

  released(event) {
    const press = this.pressed;
    this.pressed = null;
    if (!press) return;
    const waiting = this.pending;
    this.pending = null;
    if (waiting) setTimeout(() => this.show(waiting));
    const place = press.still && this.drawn && this.placeOf(event);
    if (place) this.tell({ kind: "click", ...place });
  }

  placeOf(event) {
    if (this.hovered && typeof this.hovered.x === "number") return { x: this.hovered.x, y: this.hovered.y };
    const ground = this.plot.querySelector(".nsewdrag")?.getBoundingClientRect();
    if (!ground || event.clientX < ground.left || event.clientX > ground.right) return null;
    if (event.clientY < ground.top || event.clientY > ground.bottom) return null;
    const { xaxis, yaxis } = this.plot._fullLayout;
    return { x: xaxis.p2d(event.clientX - ground.left), y: yaxis.p2d(event.clientY - ground.top) };
  }

  // Vertices of a lasso that are nearer than two screen pixels to the outline are left out.
  simplified(vertices) {
    const { xaxis } = this.plot._fullLayout;
    const tolerance = (2 * Math.abs(xaxis.range[1] - xaxis.range[0])) / xaxis._length;
    const kept = (first, last) => {
      const [ax, ay] = vertices[first];
      const [dx, dy] = [vertices[last][0] - ax, vertices[last][1] - ay];
      const length = Math.hypot(dx, dy);
      let [farthest, most] = [first, tolerance];
      for (let place = first + 1; place < last; place++) {
        const [px, py] = [vertices[place][0] - ax, vertices[place][1] - ay];
        const distance = length ? Math.abs(px * dy - py * dx) / length : Math.hypot(px, py);
        if (distance > most) [farthest, most] = [place, distance];
      }
      return farthest === first ? [vertices[first]] : [...kept(first, farthest), ...kept(farthest, last)];
    };
    return [...kept(0, vertices.length - 1), vertices[vertices.length - 1]];
  }

  // -- buttons and keys ---------------------------------------------------------------------------------------------

  listenToButtons() {
    for (const button of this.root.querySelectorAll("[data-tool]")) button.onclick = () => this.use(button.dataset.tool);
    for (const button of this.root.querySelectorAll("[data-do]")) button.onclick = () => this.act(button.dataset.do);
  }

  listenToKeys() {
    const actions = { "+": "closer", "=": "closer", "-": "farther", 0: "home", Home: "home", Escape: "clear", Enter: "pick" };
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const tools = { m: "pan", l: "lasso", b: "select" };
    this.root.addEventListener("keydown", (event) => {
      if (event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
      if (moves[event.key]) this.move(...moves[event.key]);
      else if (actions[event.key]) this.act(actions[event.key]);
      else if (tools[event.key]) this.use(tools[event.key]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  use(tool) {
    this.tool = tool;
    for (const button of this.root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    // Otherwise the next tool would edit an outline that has not been processed yet.
    if (this.drawn) library().relayout(this.plot, { dragmode: tool, selections: [] });
  }

  act(what) {
    if (!this.drawn) return;
    if (what === "closer") this.look(1 / ZOOM);
    else if (what === "farther") this.look(ZOOM);
    else if (what === "home") this.see(this.data.home.x, this.data.home.y);
    else if (what === "clear" && this.data.selected) this.tell({ kind: "lasso", polygon: [] });
    else if (what === "pick") {
      const { xaxis, yaxis } = this.plot._fullLayout;
      this.tell({ kind: "click", x: (xaxis.range[0] + xaxis.range[1]) / 2, y: (yaxis.range[0] + yaxis.range[1]) / 2 });
    }
  }

  look(factor) {
    const around = ([low, high]) => [(low + high) / 2 - ((high - low) / 2) * factor, (low + high) / 2 + ((high - low) / 2) * factor];
    const { xaxis, yaxis } = this.plot._fullLayout;
    this.see(around(xaxis.range), around(yaxis.range));
  }

  move(right, up) {
    if (!this.drawn) return;
    const along = ([low, high], steps) => [low + steps * STEP * (high - low), high + steps * STEP * (high - low)];
    const { xaxis, yaxis } = this.plot._fullLayout;
    this.see(along(xaxis.range, right), along(yaxis.range, up));
  }

  see(x, y) {
    library().relayout(this.plot, { "xaxis.range": x, "yaxis.range": y });
  }

  leave() {
    if (this.root.isConnected) return;
    this.leaving.abort();
    this.resizing.disconnect();
    if (this.drawn) library().purge(this.plot);
  }
}

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".gz2-map");
  const map = (root.galaxyMap ??= new GalaxyMap(root));
  map.setStateValue = setStateValue;
  map.show(data);
  return () => setTimeout(() => map.leave());
}
