// The storeroom's page: one field for any scan or search, numbered choices, and a queue that outlives the connection.
// What is recorded goes into the queue first, under a key of its own, and is sent in order: sent twice, it counts once.
(() => {
  "use strict";
  const boot = JSON.parse(document.getElementById("boot").textContent);
  const QUEUE = "stockpile.queue", SITE = "stockpile.site", NOTE = "stockpile.delivery-note", ONLY = "stockpile.count-of-", KEPT_DONE = 5;
  const PAUSES = [1000, 2000, 5000, 10000];
  const byId = (id) => document.getElementById(id);
  const _ = (text) => boot.words[text] || text;
  const say = (text, values) => _(text).replace(/\{(\w+)\}/g, (_all, name) => values[name]);
  const number = (value) => Number(value).toLocaleString(document.documentElement.lang);
  const amount = (value, unit) => `${number(value)} ${unit}`;
  const STATUS = { available: _("available"), reserved: _("reserved"), quarantine: _("quarantine"), in_transit: _("in transit") };
  const items = new Map(boot.items.map((item) => [item.code, item]));

  function make(tag, properties, ...inside) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...inside.filter((one) => one !== null && one !== ""));
    return made;
  }

  // --- the server -----------------------------------------------------------------------------------------------

  // What a refusal means in the page's language stands before the server's own sentence, which is in English.
  function inWords(problem) {
    const code = (problem.type || "").split(":").pop();
    const family = code.startsWith("unknown_") ? "unknown" : code.endsWith("_state") ? "state" : code;
    const exact = problem.detail || _("The server refused this.");
    return boot.refusals[family] ? `${boot.refusals[family]} (${exact})` : exact;
  }
  class Offline extends Error {}
  class Refused extends Error {
    constructor(status, problem) {
      super(inWords(problem));
      this.status = status;
    }
  }

  async function call(method, path, body, key) {
    const headers = { Authorization: `Bearer ${boot.token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    let reply;
    try {
      reply = await fetch(`/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
    } catch (failure) {
      throw new Offline(failure.message);
    }
    if (reply.status >= 500 || reply.status === 429) throw new Offline(`${reply.status}`);
    const json = (reply.headers.get("Content-Type") || "").includes("json");
    const found = json ? await reply.json() : await reply.text();
    if (!reply.ok) throw new Refused(reply.status, json ? found : {});
    return found;
  }
  const get = (path) => call("GET", path);
  const enc = encodeURIComponent;

  // --- the queue ------------------------------------------------------------------------------------------------

  const queued = () => JSON.parse(localStorage.getItem(QUEUE) || "[]");
  const done = [];
  let pausing = 0, timer = null, signedOut = false;

  function keep(entries) {
    localStorage.setItem(QUEUE, JSON.stringify(entries));
    drawQueue();
  }

  function record(label, path, body, then) {
    const entry = { key: crypto.randomUUID(), account: boot.account, label, path, body, at: new Date().toISOString() };
    if (then) following.set(entry.key, then);
    keep([...queued(), entry]);
    tell(say("Recorded: {what}", { what: label }));
    send();
  }
  const following = new Map();

  function change(key, how) {
    keep(queued().flatMap((entry) => (entry.key === key ? how(entry) : [entry])));
  }

  function send() {
    clearTimeout(timer);
    const work = () => sendAll().catch((failure) => tell(String(failure), true));
    if (navigator.locks) navigator.locks.request("stockpile.queue", { ifAvailable: true }, (lock) => lock && work());
    else work();
  }

  async function sendAll() {
    for (;;) {
      const entry = queued().find((one) => one.account === boot.account && !one.refused);
      if (!entry || signedOut) break;
      try {
        const answer = await call("POST", entry.path, await bodyOf(entry), entry.key);
        pausing = 0;
        done.unshift(entry.label);
        done.length = Math.min(done.length, KEPT_DONE);
        change(entry.key, () => []);
        tell(say("Done: {what}", { what: entry.label }));
        const then = following.get(entry.key);
        if (then) then(answer);
      } catch (failure) {
        if (failure instanceof Offline) return later();
        if (failure.status === 401) { signedOut = true; drawQueue(); return; }
        if (!(failure instanceof Refused)) throw failure;
        change(entry.key, (one) => [{ ...one, refused: failure.message }]);
        tell(say("Refused: {what}. {why}", { what: entry.label, why: failure.message }), true);
      }
    }
    if (!busy()) refreshWork();
  }

  function later() {
    timer = setTimeout(send, PAUSES[Math.min(pausing, PAUSES.length - 1)]);
    pausing += 1;
    drawQueue();
  }

  // An entry made without a connection still holds the raw scan: the server says what it means before it is posted.
  async function bodyOf(entry) {
    if (!entry.body?.scan) return entry.body;
    const found = await call("POST", "scans", { text: entry.body.scan, site: entry.body.site });
    const line = { ...found.line, quantity: entry.body.packs * found.pack_units };
    if (!line.lot || !line.expiry) throw new Refused(422, { detail: _("the scan names no lot or no expiry: enter it by hand") });
    return { site: entry.body.site, lines: [line] };
  }

  function drawQueue() {
    const entries = queued();
    const waiting = entries.filter((one) => one.account === boot.account && !one.refused);
    const others = entries.filter((one) => one.account !== boot.account);
    const state = byId("queue-state");
    state.textContent = signedOut ? say("{n} recorded here: sign in again to send them", { n: waiting.length })
      : waiting.length && pausing ? say("No connection: {n} recorded here, sent as soon as it is back", { n: waiting.length })
      : waiting.length ? say("Sending {n}", { n: waiting.length }) : _("Everything recorded here has been sent");
    state.className = waiting.length || signedOut ? "waiting" : "sent";
    byId("queue").replaceChildren(
      ...(signedOut ? [make("li", {}, make("a", { href: "/login", textContent: _("Sign in again") }))] : []),
      ...entries.filter((one) => one.refused).map(refusedRow),
      ...waiting.map((one) => make("li", {}, one.label)),
      ...(others.length ? [make("li", {}, say("{n} of {who}: they are sent when {who} signs in on this device",
        { n: others.length, who: others[0].account }))] : []),
      ...done.map((label) => make("li", { className: "was-done" }, `\u2713 ${label}`)),
    );
  }

  function refusedRow(entry) {
    const drop = make("button", { type: "button", textContent: _("Discard") });
    drop.onclick = () => confirm(say("Discard for good: {what}?", { what: entry.label })) && change(entry.key, () => []);
    const again = make("button", { type: "button", textContent: _("Send again") });
    again.onclick = () => { change(entry.key, (one) => [{ ...one, refused: "", key: crypto.randomUUID() }]); send(); };
    return make("li", { className: "was-refused" }, make("strong", {}, entry.label), `: ${entry.refused} `, again, " ", drop);
  }

  // --- what is shown --------------------------------------------------------------------------------------------

  const field = byId("scan"), panel = byId("panel");
  let choices = [], scanned = null;
  const site = () => byId("site").value;
  const here = () => boot.sites.find((one) => one.code === site());
  const busy = () => panel.dataset.view !== "home";

  function tell(text, alarming) {
    byId("told").textContent = text;
    byId("told").className = alarming ? "alarm" : "";
  }

  function show(view, title, inside, offered) {
    choices = offered || [];
    panel.dataset.view = view;
    panel.dataset.seen = "";
    const list = make("ol", { className: "choices" }, ...choices.map(choiceRow));
    const back = make("button", { type: "button", className: "back", textContent: _("Back (Esc)"), onclick: home });
    panel.replaceChildren(
      make("div", { className: "panel-head" }, make("h2", {}, title), view === "home" ? "" : back),
      ...inside, choices.length ? list : "");
    const first = panel.querySelector("form input, form select");
    (first || field).focus();
    if (first && first.select) first.select();
  }

  function choiceRow(choice, index) {
    const button = make("button", { type: "button", onclick: choice.run },
      make("kbd", {}, String(index + 1)), make("span", { className: "choice" }, choice.label),
      choice.detail ? make("span", { className: "detail" }, choice.detail) : "");
    return make("li", {}, button);
  }

  const facts = (pairs) => make("dl", {}, ...pairs.filter(([, value]) => value).flatMap(([term, value]) => [
    make("dt", {}, term), make("dd", {}, String(value))]));

  const warned = (found) => found.map((one) => make("p", { className: "warning" }, `\u26a0 ${one.message}`));

  function form(fields, label, onSubmit) {
    const made = make("form", { className: "entry" });
    for (const one of fields) {
      const id = `field-${one.name}`;
      const input = one.options
        ? make("select", { id, name: one.name }, ...one.options.map(([value, text]) => make("option", { value }, text)))
        : one.type === "lines"
          ? make("textarea", { id, name: one.name, rows: 6, autocomplete: "off" })
          : make("input", { id, name: one.name, type: one.type || "text", autocomplete: "off" });
      if (one.type === "file") Object.assign(input, { accept: "image/*", capture: "environment" });
      if (one.type === "number") Object.assign(input, { min: one.min ?? 1, step: 1, inputMode: "numeric" });
      input.required = one.required !== false;
      if (one.value !== undefined && one.value !== null) input.value = one.value;
      made.append(make("label", { htmlFor: id }, one.label), input);
    }
    made.append(make("button", { type: "submit", className: "primary", textContent: label }));
    made.onsubmit = (event) => {
      event.preventDefault();
      onSubmit(Object.fromEntries(new FormData(made)));
    };
    return made;
  }

  const guarded = (work) => async (...given) => {
    try {
      await work(...given);
    } catch (failure) {
      if (failure instanceof Offline) tell(_("No connection: this needs the server. What you record is kept and sent later."), true);
      else if (failure.status === 401) { signedOut = true; drawQueue(); tell(_("Your sign-in has ended: sign in again."), true); }
      else tell(failure.message, true);
    }
  };

  // --- home: what is to be done here ----------------------------------------------------------------------------

  function home() {
    scanned = null;
    field.value = "";
    show("home", say("To do at {site}", { site: here().name }), [make("p", { className: "quiet" }, _("Loading"))]);
    refreshWork();
  }

  const refreshWork = guarded(async () => {
    const asked = site();
    const work = await get(`sites/${enc(asked)}/work`);
    if (busy() || asked !== site()) return;
    const shown = [
      ...work.to_send.map((one) => ({ label: say("Send to {place}", { place: one.destination_name }),
        detail: `${goodsOf(one)}${one.picked ? ` \u2013 ${_("picked")}` : ""}`, run: () => sending(one) })),
      ...work.arriving.map((one) => ({ label: say("Take in from {place}", { place: placeName(one.origin) }),
        detail: goodsOf(one), run: () => arriving(one) })),
      ...work.counts.map((one) => ({ label: say("Go on counting {place}", { place: one.bin || here().name }),
        detail: one.reason, run: () => counting(one.number) })),
      ...work.ordered.map((one) => ({ label: say("Expected: {item}", { item: `${one.item} ${one.item_name}` }),
        detail: `${amount(one.open, one.base_unit)}, ${_("order")} ${one.calloff}${one.expected_at ? `, ${day(one.expected_at)}` : ""}`,
        run: () => receiving({ line: { item: one.item, quantity: one.open, calloff_line: one.line }, open_lines: [one] }) })),
      { label: _("What expires soon, and what to do about it"), detail: "", run: expiring },
      { label: _("What to count next"), detail: "", run: toCount },
      { label: _("Count this site or one bin"), detail: "", run: openCount },
    ];
    // What has not changed is not drawn anew, so that a press that falls into the answer is not lost.
    const seen = JSON.stringify([asked, shown.map((one) => [one.label, one.detail])]);
    if (panel.dataset.seen === seen) { choices = shown; return; }
    const none = work.to_send.length + work.arriving.length + work.ordered.length === 0;
    show("home", say("To do at {site}", { site: here().name }), [make("p", { className: "quiet" }, none
      ? _("Nothing waits to leave or arrive. Scan a label, or type a name.")
      : _("Scan a label, type a name, or type the number of a task and Enter."))], shown);
    panel.dataset.seen = seen;
  });

  const day = (text) => new Date(text).toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short", year: "numeric", timeZone: here().time_zone });
  const placeName = (code) => (boot.sites.find((one) => one.code === code) || { name: code }).name;
  const goodsOf = (one) => one.lines.slice(0, 2).map((line) => `${line.item_name}, ${amount(line.quantity, line.base_unit)}`).join("; ")
    + (one.lines.length > 2 ? " " + say("and {n} more", { n: one.lines.length - 2 }) : "");

  // --- scans and searches ---------------------------------------------------------------------------------------

  const LIKE_A_CODE = /^[\](]|^https?:|^\d{8,}|\u001d/;

  const entered = guarded(async (text) => {
    if (/^\d{1,2}$/.test(text) && choices[text - 1]) return choices[text - 1].run();
    if (!LIKE_A_CODE.test(text)) return search(text);
    let found;
    try {
      found = await call("POST", "scans", { text, site: site() });
    } catch (failure) {
      if (failure instanceof Offline) return unread(text);
      throw failure;
    }
    card(found);
  });

  function search(text) {
    const wanted = text.toLowerCase().split(/\s+/);
    const found = boot.items.filter((item) => wanted.every((word) => `${item.code} ${item.name}`.toLowerCase().includes(word)));
    if (found.length === 1) return itemHere(found[0]);
    if (!found.length) return batch(text);
    show("search", say("{n} items match \u201c{text}\u201d", { n: found.length, text }), [],
      found.slice(0, 20).map((item) => ({ label: item.name, detail: item.code, run: () => itemHere(item) })));
  }

  const batch = guarded(async (text) => {
    const found = (await get(`lots?batch=${enc(text)}&limit=20`)).rows;
    if (!found.length) return tell(say("Nothing is called \u201c{text}\u201d: no item, no batch.", { text }), true);
    show("search", say("Batch {text}", { text }), [], found.map((lot) => ({
      label: items.get(lot.item_code).name, detail: `${lot.code}, ${_("expires")} ${lot.expiry}`, run: () => itemHere(items.get(lot.item_code)) })));
  });

  const itemHere = guarded(async (item) => {
    const [stock, promise] = await Promise.all([
      get(`stock?item=${enc(item.code)}&site=${enc(site())}&limit=100`), get(`items/${enc(item.code)}/promise`)]);
    const rows = stock.rows.sort((a, b) => (a.expiry < b.expiry ? -1 : 1));
    show("item", `${item.code} ${item.name}`, [
      facts([[_("Can be promised in the region"), amount(promise.available, item.base_unit)],
        [_("Pack"), amount(item.pack_size, item.base_unit)], [_("Storage"), item.storage]]),
      make("p", { className: "quiet" }, rows.length ? _("First-expiring first:") : _("None of it stands here."))],
      rows.map((row) => ({
        label: `${amount(row.quantity, item.base_unit)} ${STATUS[row.status]}`,
        detail: `${_("lot")} ${row.lot}, ${_("expires")} ${row.expiry}${row.on_hold ? `, ${_("ON HOLD")}` : ""}${row.recalled ? `, ${_("RECALLED")}` : ""}`,
        run: () => lotHere({ item, lot_id: row.lot_id, lot: row.lot, expiry: row.expiry, row }) })));
  });

  function lotHere(one) {
    const title = `${one.item.name}, ${_("lot")} ${one.lot}`;
    show("lot", title, [facts([[_("Expires"), one.expiry], [_("Here"), amount(one.row.quantity, one.item.base_unit)]])], [
      { label: _("Put away, or move to another bin"), run: () => moving(one.lot_id, one.item, one.row.quantity) },
      ...(here().kind === "point_of_use" ? [{ label: _("Issue to use"), run: () => issuing(one.item) }] : []),
      { label: _("Hold this lot everywhere"), run: () => holding(one.lot_id, title) },
      { label: _("Print a shelf label"), run: () => label(one.lot_id) },
    ]);
  }

  function card(found) {
    scanned = found;
    const unit = found.base_unit;
    const title = `${found.line.item} ${found.item_name}`;
    const step = {
      receive: { label: _("Receive"), run: () => receiving(found) },
      receive_transfer: { label: _("Take in a transfer"), run: () => journeyOf(found.lot_id, "arriving", arriving) },
      dispatch: { label: _("Send a transfer"), run: () => journeyOf(found.lot_id, "to_send", sending) },
      issue: { label: _("Issue to use"), run: () => issuing(items.get(found.line.item), found.line.quantity) },
      count: { label: _("Count"), run: openCount },
      hold: { label: _("Hold this lot everywhere"), run: () => holding(found.lot_id, title) },
    };
    show("card", title, [
      ...warned(found.warnings),
      facts([[_("Lot"), found.line.lot], [_("Expires"), found.line.expiry],
        [_("Quantity"), `${amount(found.line.quantity, unit)} (${found.packs} \u00d7 ${found.pack})`],
        [_("Serial"), found.serial], [_("Pallet"), found.sscc],
        [_("Order"), found.line.calloff_line && say("line {line}", { line: found.line.calloff_line })]])],
      [...found.next.map((one) => step[one]), ...(found.lot_id ? [
        { label: _("Put away, or move to another bin"), run: () => moving(found.lot_id, items.get(found.line.item), found.line.quantity) },
        { label: _("Print a shelf label"), run: () => label(found.lot_id) }] : []),
        { label: _("Everything of this item here"), run: () => itemHere(items.get(found.line.item)) }]);
  }

  // The transfers here that carry the lot: the only one, or which of them.
  const journeyOf = guarded(async (lot, list, open) => {
    const found = (await get(`sites/${enc(site())}/work`))[list].filter((one) => one.lines.some((line) => line.lot_id === lot));
    if (found.length === 1) return open(found[0]);
    show("journeys", _("Which transfer?"), [], found.map((one) => ({ run: () => open(one),
      label: say("transfer {n} to {place}", { n: one.transfer, place: one.destination_name }), detail: goodsOf(one) })));
  });

  function unread(text) {
    show("unread", _("Scanned without a connection"), [
      facts([[_("Scan"), text]]),
      make("p", {}, _("It is kept as scanned and read when the connection is back. Whatever is wrong is then shown below.")),
      form([{ name: "packs", label: _("Packs received"), type: "number", value: 1 }], _("Record as received"), (given) => {
        record(say("Receive {n} packs of {scan}", { n: given.packs, scan: text }), "receipts",
          { scan: text, site: site(), packs: Number(given.packs) });
        home();
      })]);
  }

  // --- the acts -------------------------------------------------------------------------------------------------

  function receiving(found) {
    const line = found.line, item = items.get(line.item), lines = found.open_lines || [];
    show("receive", say("Receive {item}", { item: item.name }), [form([
      { name: "quantity", label: say("Arrived in all ({unit})", { unit: item.base_unit }), type: "number", min: 0, value: line.quantity },
      { name: "lot", label: _("Lot"), value: line.lot || "" },
      { name: "expiry", label: _("Expires"), type: "date", value: line.expiry || "" },
      { name: "damaged", label: _("Of it damaged"), type: "number", min: 0, value: 0 },
      { name: "damage", label: _("What is damaged"), required: false },
      ...(lines.length ? [
        { name: "order", label: _("Order"), value: line.calloff_line || lines[0].line, options: lines.map((one) => [one.line,
          say("order {order}: {open} open", { order: one.calloff, open: amount(one.open, item.base_unit) })]) },
        { name: "note", label: _("Delivery note"), value: sessionStorage.getItem(NOTE) || "" }] : []),
    ], _("Record"), (given) => received(item, line.gtin, given, lines.length > 0))]);
  }

  function received(item, gtin, given, ordered) {
    const goods = { item: item.code, gtin: gtin || "", lot: given.lot.trim(), expiry: given.expiry, quantity: Number(given.quantity), damaged: Number(given.damaged) };
    const what = say("Receive {quantity} of {item}, lot {lot}", { quantity: amount(goods.quantity, item.base_unit), item: item.name, lot: goods.lot });
    if (ordered) {
      sessionStorage.setItem(NOTE, given.note);
      const arrival = { ...goods, calloff_line: Number(given.order), ...(goods.damaged ? { damage_reason: given.damage } : {}) };
      record(what, "goods-in", { site: site(), delivery_note: given.note, arrivals: [arrival] });
    } else {
      record(what, "receipts", { site: site(), lines: [goods], reason: given.damage });
    }
    home();
  }

  const moving = guarded(async (lot, item, quantity) => {
    const [lying, fitting] = await Promise.all([get(`sites/${enc(site())}/contents?item=${enc(item.code)}`),
      get(`sites/${enc(site())}/bin-suggestions?lot_id=${lot}&quantity=${quantity}`)]);
    const from = lying.filter((one) => one.lot_id === lot && one.status === "available" && one.owner === "pool");
    if (!from.length) return tell(_("None of this lot lies here free to be moved."), true);
    if (!fitting.length) return tell(_("This site has no bin in which that fits."), true);
    show("move", say("Move {item}", { item: item.name }), [form([
      { name: "from", label: _("From"), options: from.map((one) => [one.bin || "", `${one.bin || _("beside the shelves")}: ${amount(one.quantity, item.base_unit)}`]), required: false },
      { name: "to", label: _("To bin"), options: fitting.map((one) => [one.bin, one.same_item ? `${one.bin} \u2013 ${_("same item")}` : one.bin]) },
      { name: "quantity", label: say("Quantity ({unit})", { unit: item.base_unit }), type: "number", value: Math.min(quantity, from[0].quantity) },
    ], _("Record"), (given) => {
      record(say("Move {quantity} of {item} to {bin}", { quantity: amount(given.quantity, item.base_unit), item: item.name, bin: given.to }), "put-aways",
        { site: site(), lot_id: lot, quantity: Number(given.quantity), from_bin: given.from || null, to_bin: given.to });
      home();
    })]);
  });

  function holding(lot, title) {
    show("hold", say("Hold: {what}", { what: title }), [
      make("p", {}, _("The lot stops everywhere at once: every site, every reservation, every transfer.")),
      form([{ name: "reason", label: _("Reason") }], _("Hold"), (given) => {
        record(say("Hold {what}", { what: title }), `lots/${lot}/hold`, { reason: given.reason });
        home();
      })]);
  }

  function issuing(item, quantity) {
    show("issue", say("Issue to use: {item}", { item: item.name }), [form([
      { name: "quantity", label: say("Quantity ({unit})", { unit: item.base_unit }), type: "number", value: quantity || item.pack_size },
      { name: "reason", label: _("Used for"), required: false },
    ], _("Record"), (given) => {
      record(say("Issue {quantity} of {item}", { quantity: amount(given.quantity, item.base_unit), item: item.name }), "issues",
        { site: site(), uses: [{ member: here().member_code, item: item.code, quantity: Number(given.quantity) }], reason: given.reason });
      home();
    })]);
  }

  const sending = guarded(async (one) => {
    const picks = await get(`transfers/${one.transfer}/picks`);
    const where = picks.map((pick) => [pick.bin || _("beside the shelves"), items.get(pick.item).name, pick.lot, pick.expiry, amount(pick.quantity, items.get(pick.item).base_unit)]);
    const name = say("transfer {n} to {place}", { n: one.transfer, place: one.destination_name });
    show("send", say("Send {what}", { what: name }), [table([_("Bin"), _("Item"), _("Lot"), _("Expires"), _("Quantity")], where)], [
      ...(one.picked ? [] : [{ label: _("Picked: it stands ready"), run: () => {
        record(say("Picked: {what}", { what: name }), `transfers/${one.transfer}/pick`, undefined);
        home();
      } }]),
      { label: _("It has left"), run: () => {
        record(say("Sent: {what}", { what: name }), "dispatches", { transfers: [one.transfer] });
        home();
      } },
      { label: _("Print this list"), run: () => window.print() },
    ]);
  });

  // The photograph stays with who took it; what is recorded proves later that it is the same. Browsers compute the
  // digest on encrypted pages and on this machine only: elsewhere the file's name and size must do.
  async function fingerprint(photo) {
    if (!window.crypto.subtle) return say("photograph {name}, {n} bytes", { name: photo.name, n: photo.size });
    const digest = new Uint8Array(await window.crypto.subtle.digest("SHA-256", await photo.arrayBuffer()));
    return `sha256:${[...digest].map((one) => one.toString(16).padStart(2, "0")).join("")} ${photo.name}`;
  }

  function arriving(one) {
    const name = say("transfer {n} from {place}", { n: one.transfer, place: placeName(one.origin) });
    const rows = one.lines.map((line) => [line.item_name, line.lot, line.expiry, amount(line.quantity, line.base_unit)]);
    const taken = (lines) => { record(say("Taken in: {what}", { what: name }), `transfers/${one.transfer}/receive`, { lines }); home(); };
    show("arrive", say("Take in {what}", { what: name }), [table([_("Item"), _("Lot"), _("Expires"), _("Sent")], rows)], [
      { label: _("Everything as sent"), run: () => taken(null) },
      { label: _("Something is missing, damaged or too much"), run: () => show("differs", say("Take in {what}", { what: name }), [
        form(one.lines.flatMap((line) => [
          { name: `good-${line.line}`, label: say("{item}, lot {lot}: good", { item: line.item_name, lot: line.lot }), type: "number", min: 0, value: line.quantity },
          { name: `damaged-${line.line}`, label: _("damaged"), type: "number", min: 0, value: 0 }]).concat([
          { name: "note", label: _("What is wrong"), required: false },
          { name: "photo", label: _("Photograph: keep it, its fingerprint is recorded"), type: "file", required: false }]), _("Record"),
        guarded(async (given) => {
          const evidence = given.photo && given.photo.size ? await fingerprint(given.photo) : "";
          const lines = one.lines.map((line) => {
            const good = Number(given[`good-${line.line}`]), damaged = Number(given[`damaged-${line.line}`]);
            const over = Math.max(0, good + damaged - line.quantity);
            const differs = damaged || good !== line.quantity;
            return { line: line.line, received: good - over, damaged, over, note: differs ? given.note : "" };
          });
          record(say("Taken in: {what}", { what: name }), `transfers/${one.transfer}/hand-over`,
            { signed_by: boot.account, evidence, lines });
          home();
        }))]) },
    ]);
  }

  const cell = (head, inside) => {
    const made = make("td", {}, inside);
    made.dataset.head = head;
    return made;
  };
  const table = (heads, rows) => make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((one, at) => cell(heads[at], one))))));

  const expiring = guarded(async () => {
    const found = (await get("expiring")).filter((one) => one.site === site());
    show("expiring", say("Expires soon at {site}", { site: here().name }), [found.length
      ? table([_("Item"), _("Lot"), _("Expires"), _("Days left"), _("Quantity"), _("Worth"), _("What to do")], found.map((one) => [
        one.item_name, one.lot, one.expiry, one.days_left < 0 ? _("expired") : number(one.days_left), number(one.quantity),
        (one.value_minor / 100).toLocaleString(document.documentElement.lang, { style: "currency", currency: one.currency }), one.use.sentence]))
      : make("p", {}, _("Nothing here expires soon."))]);
  });

  // --- counting: blind, line by line ----------------------------------------------------------------------------

  const openCount = guarded(async () => {
    const bins = await get(`sites/${enc(site())}/bins`);
    show("count", _("Count"), [form([
      { name: "bin", label: _("What"), options: [["", _("the whole site")], ...bins.map((one) => [one.code, one.code])], required: false },
      { name: "reason", label: _("Reason"), value: _("cycle count") },
    ], _("Begin"), guarded(async (given) => {
      const made = await call("POST", "counts", { site: site(), bin: given.bin || null, reason: given.reason }, crypto.randomUUID());
      await counting(made.id);
    }))]);
  });

  const GRADED = { worth: _("by its worth"), "no price": _("no price known"), controlled: _("controlled"), "priority 1": _("life-saving") };
  const MOST_TO_COUNT = 20;

  const toCount = guarded(async () => {
    const found = await get(`sites/${enc(site())}/to-count`);
    show("to-count", say("What to count next at {site}", { site: here().name }), [make("p", { className: "quiet" }, found.length
      ? _("The longest overdue first. Begin with one: type its number and Enter.") : _("Nothing stands here to be counted."))],
      found.slice(0, MOST_TO_COUNT).map((one) => ({
        label: `${one.item} ${one.item_name}`,
        detail: [say("class {grade}, {why}", { grade: one.grade, why: GRADED[one.why] || one.why }),
          one.last_counted ? say("counted last {day}", { day: day(one.last_counted) }) : _("never counted"),
          one.overdue_days ? say("{n} days overdue", { n: number(one.overdue_days) })
            : one.last_counted ? say("due {day}", { day: day(one.due_on) }) : ""].filter(Boolean).join("; "),
        run: () => countItem(one.item, one.item_name) })));
  });

  const countItem = guarded(async (item, name) => {
    const reason = say("cycle count of {item}", { item: `${item} ${name}` });
    const made = await call("POST", "counts", { site: site(), bin: null, reason }, crypto.randomUUID());
    localStorage.setItem(`${ONLY}${made.id}`, item);
    await counting(made.id);
  });

  const counting = guarded(async (count) => {
    const only = localStorage.getItem(`${ONLY}${count}`);
    const open = (await get(`counts/${count}/sheet`)).filter((one) => (!one.attempts || one.recount) && (!only || one.item === only));
    if (!open.length) return show("counted", _("Count"), [make("p", {}, _("Every line is counted. Another person approves the count."))]);
    next(count, open, open.length);
  });

  function next(count, open, total) {
    const [line, ...rest] = open;
    const item = items.get(line.item);
    show("counting", say("Count {done} of {all}", { done: total - open.length + 1, all: total }), [
      facts([[_("Item"), `${line.item} ${item.name}`], [_("Lot"), line.lot], [_("Status"), STATUS[line.status]], [_("Owner"), line.owner === "pool" ? _("pool") : line.owner]]),
      line.recount ? make("p", { className: "warning" }, `\u26a0 ${_("Far from expected: count it once more.")}`) : "",
      form([line.serialised
        ? { name: "serials", label: _("Serials found, one a line"), type: "lines", required: false }
        : { name: "counted", label: say("Counted ({unit})", { unit: item.base_unit }), type: "number", min: 0 }], _("Record"), (given) => {
        const serials = line.serialised ? given.serials.split(/\r?\n/).map((one) => one.trim()).filter(Boolean) : [];
        const counted = line.serialised ? serials.length : Number(given.counted);
        record(say("Counted {quantity} of {item}, lot {lot}", { quantity: amount(counted, item.base_unit), item: item.name, lot: line.lot }),
          `counts/${count}/lines`, { lot_id: line.lot_id, owner: line.owner, status: line.status, counted, ...(serials.length ? { serials } : {}) },
          rest.length ? null : () => panel.dataset.view === "counting" && counting(count));
        if (rest.length) next(count, rest, total);
        else show("counting", _("Count"), [make("p", { className: "quiet" }, _("Recorded. Whether a line is to be counted again is asked now."))]);
      })]);
  }

  const label = guarded(async (lot) => {
    const drawn = await get(`lots/${lot}/label`);
    const source = URL.createObjectURL(new Blob([drawn], { type: "image/svg+xml" }));
    const picture = make("img", { className: "label", alt: _("Shelf label"), src: source });
    show("label", _("Shelf label"), [picture], [{ label: _("Print"), run: () => window.print() }]);
  });

  // --- beginning ------------------------------------------------------------------------------------------------

  byId("scan-form").onsubmit = (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    tell("");
    entered(text);
  };
  byId("menu").onclick = () => byId("menu").setAttribute("aria-expanded", byId("menu").closest(".top").classList.toggle("unfolded"));
  byId("sign-out").onclick = guarded(async () => {
    const waiting = queued().filter((one) => one.account === boot.account).length;
    if (waiting && !confirm(say("{n} recorded here wait until you sign in again on this device. Sign out?", { n: waiting }))) return;
    await call("DELETE", "tokens/current");
    location.assign("/login?next=/storeroom");
  });
  byId("site").value = boot.sites.some((one) => one.code === localStorage.getItem(SITE)) ? localStorage.getItem(SITE) : boot.busiest;
  byId("site").onchange = () => { localStorage.setItem(SITE, site()); home(); };
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { home(); tell(""); } });
  window.addEventListener("online", send);
  window.addEventListener("storage", drawQueue);
  drawQueue();
  home();
  send();
})();
