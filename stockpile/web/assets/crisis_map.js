// Draws the municipalities of the crisis page on a Leaflet map without tiles: all in one call, again in one call.
(() => {
  const plain = { weight: 1, opacity: 1, fillOpacity: 0.95, color: "#1b2733", dashArray: null };
  const looks = {
    low0: { ...plain, fillColor: "#ca0020", weight: 2, dashArray: "3 3" },
    low1: { ...plain, fillColor: "#f4a582", weight: 2, dashArray: "3 3" },
    mid: { ...plain, fillColor: "#f7f7f7" },
    high: { ...plain, fillColor: "#92c5de" },
    full: { ...plain, fillColor: "#0571b0" },
    out: { ...plain, fillColor: "#ffffff", fillOpacity: 0.2, weight: 4, color: "#000000" },
    gain: { ...plain, fillColor: "#0571b0" },
    lose: { ...plain, fillColor: "#ca0020", weight: 2, dashArray: "3 3" },
    same: { ...plain, fillColor: "#f7f7f7", weight: 1 },
    nothing: { ...plain, fillColor: "#9aa5b1", weight: 0 },
  };

  const words = (text) => Object.assign(document.createElement("span"), { textContent: text });

  function start(map, data) {
    map.crisis = { dots: new Map(), ring: null };
    const places = data.dots.map((dot) => [dot.latitude, dot.longitude]).concat(data.depots.map((depot) => depot.at));
    const whole = L.latLngBounds(places);
    const fit = () => { if (!map.getContainer().clientWidth) return; map.invalidateSize(); map.fitBounds(whole, { padding: [14, 14], animate: false }); };
    fit();
    new ResizeObserver(fit).observe(map.getContainer());
    for (const depot of data.depots) {
      const icon = L.divIcon({ className: depot.closed ? "depot-mark depot-closed" : "depot-mark", html: depot.closed ? "✗" : "D", iconSize: [18, 18] });
      L.marker(depot.at, { icon, keyboard: false, title: depot.name, zIndexOffset: 1000 })
        .bindTooltip(words(depot.name)).addTo(map);
    }
  }

  // Where a country's name covers the fewest points and its own are the nearest.
  function beside(map, one, names) {
    const size = map.getSize(), half = 7 * one.name.length + 4, at = (place) => map.latLngToContainerPoint(place);
    const middle = at(one.at), own = one.own.map(at), others = names.filter((other) => other.land && other !== one).flatMap((other) => other.own.map(at));
    const far = (points, x, y) => Math.min(Infinity, ...points.map((point) => Math.hypot(point.x - x, point.y - y)));
    const under = (x, y) => (point) => Math.abs(point.x - x) < half + 8 && Math.abs(point.y - y) < 20;
    let best = { x: middle.x, y: middle.y, cost: Infinity };
    for (let x = half; x <= size.x - half; x += 12) for (let y = 14; y <= size.y - 14; y += 12) {
      if (far(own, x, y) > far(others, x, y)) continue;
      const covered = [...own, ...others].filter(under(x, y)).length;
      const cost = 60 * covered + Math.hypot(x - middle.x, y - middle.y);
      if (cost < best.cost) best = { x, y, cost };
    }
    return map.containerPointToLatLng([best.x, best.y]);
  }

  // Countries and the largest towns by name, as many as find room; written by the style, so that no reader says them twice.
  function name(map, names, depots) {
    if (map.crisis.names) map.crisis.names.remove();
    const taken = [], shown = [];
    for (const one of names) {
      const away = (depot) => map.latLngToContainerPoint(depot.at).distanceTo(map.latLngToContainerPoint(one.at));
      const depot = one.land ? null : depots.find((other) => away(other) < 24);
      const icon = L.divIcon({ className: one.land ? "map-land" : "map-name", iconSize: [0, 0], iconAnchor: [depot ? -5 : 0, 0], html: "" });
      const place = one.land ? beside(map, one, names) : (depot || one).at;
      const at = map.latLngToContainerPoint(place), half = (one.land ? 7 : 3.6) * one.name.length + 4, middle = at.x + (one.land ? 0 : half);
      const here = [middle - half, at.y - 11, middle + half, at.y + 11];
      if (here[0] < 0 || here[2] > map.getSize().x) continue;
      if (taken.some((box) => here[0] < box[2] && here[2] > box[0] && here[1] < box[3] && here[3] > box[1])) continue;
      taken.push(here);
      shown.push([L.marker(place, { icon, interactive: false, keyboard: false, zIndexOffset: one.land ? -1000 : 0 }), one.name]);
    }
    map.crisis.names = L.layerGroup(shown.map(([mark]) => mark)).addTo(map);
    for (const [mark, said] of shown) mark.getElement().dataset.name = said;
  }

  function place(map, dot) {
    const mark = L.circleMarker([dot.latitude, dot.longitude]).bindTooltip(words(""), { sticky: true });
    mark.on("click", () => emitEvent("pick_municipality", { code: dot.code }));
    map.crisis.dots.set(dot.code, mark.addTo(map));
    mark.getElement().dataset.municipality = dot.code;
    return mark;
  }

  function draw(map, ways) {
    if (map.crisis.ways) map.crisis.ways.remove();
    map.crisis.ways = L.layerGroup(ways.map((way) => L.polyline([way.start, way.end], {
      weight: way.weight, color: "#5b2a86", opacity: 0.55, className: "way",
    }).bindTooltip(words(way.label), { sticky: true }))).addTo(map);
  }

  function close(map, ways) {
    if (map.crisis.closed) map.crisis.closed.remove();
    map.crisis.closed = L.layerGroup(ways.flatMap((way) => {
      const middle = [(way.start[0] + way.end[0]) / 2, (way.start[1] + way.end[1]) / 2];
      const icon = L.divIcon({ className: "way-cross", html: "✗", iconSize: [16, 16] });
      return [
        L.polyline([way.start, way.end], { weight: 3, color: "#9b0018", opacity: 0.9, dashArray: "2 8", className: "closed-way" })
          .bindTooltip(words(way.label), { sticky: true }),
        L.marker(middle, { icon, keyboard: false, title: way.label }).bindTooltip(words(way.label)),
      ];
    })).addTo(map);
  }

  window.drawCrisis = (map, data) => {
    if (!map.crisis) {
      start(map, data);
      name(map, data.names, data.depots);
      map.on("zoomend", () => name(map, data.names, data.depots));
    }
    draw(map, data.ways);
    close(map, data.closed);
    for (const dot of data.dots) {
      const mark = map.crisis.dots.get(dot.code) || place(map, dot);
      mark.setStyle(looks[dot.band]).setRadius(dot.radius).setTooltipContent(words(dot.label));
      mark.getElement().dataset.band = dot.band;
      mark.bringToFront();
    }
  };

  window.showChosenItem = () => {
    const chosen = document.querySelector('.item-button[aria-pressed="true"]');
    const list = chosen && chosen.closest("ul");
    if (list) list.scrollTop = chosen.offsetTop - list.offsetTop - 30;
  };

  window.chooseMunicipality = (map, code) => {
    if (!map.crisis) return;
    if (map.crisis.ring) map.crisis.ring.remove();
    const mark = map.crisis.dots.get(code);
    map.crisis.ring = mark && L.circleMarker(mark.getLatLng(), {
      radius: mark.getRadius() + 6, weight: 4, color: "#111111", fill: false, interactive: false, className: "chosen",
    }).addTo(map);
  };
})();
