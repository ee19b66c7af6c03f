// What is typed and pressed before the line to the server is up is sent once it is, in the order in which it was done.
// NiceGUI gives each such event a timer of its own that looks every ten milliseconds whether the line is up, so that a
// press may overtake the words typed before it; here they wait in one row. Loaded before NiceGUI's own script.
(() => {
  const waiting = [];
  const later = window.setTimeout;
  let up = false;

  Object.defineProperty(window, "did_handshake", {
    get: () => up,
    set: (now) => {
      up = now;
      if (up) for (const send of waiting.splice(0)) send();
    },
  });
  window.setTimeout = (act, ...how) => {
    if (up || act.name !== "delayed_emitter") return later.call(window, act, ...how);
    return waiting.push(act);
  };
})();
