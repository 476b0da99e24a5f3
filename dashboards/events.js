// Events are kept, numbered, and sent along with every run: Streamlit loses what it is told once, when another click follows.
const keeper = (element, last, send) => (event) => {
  const serial = Math.max(Date.now(), last + 1, (element.gz2Events?.at(-1)?.serial ?? 0) + 1);
  element.gz2Events = [...(element.gz2Events ?? []), { ...event, serial }].slice(-8);
  send(element.gz2Events);
};
