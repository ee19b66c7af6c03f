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
    if (!map.crisis) start(map, data);
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
