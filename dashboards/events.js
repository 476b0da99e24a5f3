// The last events are numbered and sent with every run: Streamlit may abort the run of a single event when another click follows.
const keeper = (element, last, send) => (event) => {
  const serial = Math.max(Date.now(), last + 1, (element.gz2Events?.at(-1)?.serial ?? 0) + 1);
  element.gz2Events = [...(element.gz2Events ?? []), { ...event, serial }].slice(-8);
  send(element.gz2Events);
};
