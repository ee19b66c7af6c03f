// Words that were typed on a screen and not sent are not left behind without a word: before the page goes (the back
// button, a link, a closed tab) the browser asks, in its own words.
(() => {
  const FIELDS = "main textarea, main input[type=text], main input:not([type]), main input[type=date]";
  const FEWEST = 3;
  const typed = new Set(), sent = new Set();

  const part = (field) => field.closest("section, form, .finding") ?? document.body;
  const worth = (field) => field.isConnected && field.value.trim().length >= FEWEST && !field.closest(".q-select, .sought, .sign-in");
  const waits = (field) => worth(field) && (!sent.has(field) || part(field).querySelector(".refusal"));

  document.addEventListener("input", (event) => {
    if (!event.target.matches(FIELDS)) return;
    typed.add(event.target);
    sent.delete(event.target);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches(".q-dialog .quiet-action")) sent.clear();
    for (const field of typed) if (part(field).contains(button)) sent.add(field);
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...typed].some(waits)) event.preventDefault();
  });
})();
