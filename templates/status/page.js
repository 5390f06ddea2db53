// The status page: asks for /status.json every two seconds while somebody looks, and shows it. Runs in a browser, put
// into page.html as it is.
"use strict";
(() => {
  /** Milliseconds between two looks, and after which one is given up. */
  const EVERY = 2000;
  const PATIENCE = 5000;

  /** What stands for a node's state: class, and a sign for those who see no colours. */
  const STATES = /** @type {Record<string, [string, string]>} */ ({
    ok: ["good", "●"],
    quiet: ["doubt", "◐"],
    unknown: ["doubt", "○"],
    cpu: ["bad", "▲"],
    wedged: ["bad", "▲"],
    gone: ["bad", "✕"],
  });

  /** @typedef {import("./mesh-status.ts").RoutedStatus} MeshStatus */
  /** @typedef {import("./mesh-status.ts").NodeStatus} NodeStatus */
  /** @typedef {import("./mesh-status.ts").Percentiles} Percentiles */

  /** @param {string} id */
  const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

  /**
   * @param {string} name
   * @param {Record<string, string>} attributes
   * @param {(Node | string)[]} children
   */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  /** @type {Record<string, string>} */
  const shown = {};

  /**
   * Puts content in place only where it changed, so that neither focus nor a screen reader is disturbed.
   *
   * @param {string} id
   * @param {Node[]} content
   */
  function put(id, content) {
    const text = content.map((node) => new XMLSerializer().serializeToString(node)).join("");
    if (shown[id] === text) return;
    shown[id] = text;
    at(id).replaceChildren(...content);
  }

  /** @param {number} bytes */
  function size(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    const power = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
    const value = bytes / 1000 ** power;
    return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
  }

  /** @param {number} seconds */
  const duration = (seconds) =>
    seconds < 1
      ? `${Math.round(seconds * 1000)} ms`
      : seconds < 120
        ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
        : seconds < 7200
          ? `${Math.round(seconds / 60)} min`
          : `${Math.round(seconds / 3600)} h`;

  /** @param {Percentiles | undefined} of */
  const half = (of) =>
    of ? `${duration(of.p50)}, 95 %: ${duration(of.p95)}, 99 %: ${duration(of.p99)}` : "–";

  /** @param {[string, string][]} pairs */
  const definitions = (pairs) =>
    pairs.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)),
    );

  /** @param {MeshStatus} mesh */
  function show(mesh) {
    const grave = mesh.problems.filter((problem) => problem.grave).length;
    const count = mesh.problems.length;
    const verdict = at("verdict");
    const said = count === 0 ? "All is well" : count === 1 ? "1 problem" : `${count} problems`;
    if (verdict.textContent !== said) verdict.textContent = said;
    verdict.className = count === 0 ? "good" : grave > 0 ? "bad" : "doubt";
    document.title = `${count === 0 ? "" : `(${count}) `}ollama-mesh`;
    at("wrong").hidden = count === 0;
    put(
      "problems",
      mesh.problems.map((problem) =>
        element(
          "li",
          problem.grave ? { class: "grave" } : {},
          element("strong", {}, problem.of),
          ` ${problem.text}`,
        ),
      ),
    );
    put("figures", definitions(figures(mesh)));
    put("nodes", [...mesh.nodes.map(nodeRow), ...awayRows(mesh)]);
    put("models", mesh.models.map(modelRow));
    put(
      "config",
      definitions([
        ["Hash", mesh.config.hash || "not known yet"],
        [
          "Serves since",
          mesh.config.since > 0 ? new Date(mesh.config.since).toLocaleString() : "–",
        ],
        ["In maintenance", mesh.away.maintenance.join(", ") || "none"],
        [
          "Draining",
          mesh.nodes.flatMap((node) => (node.drain ? node.name : [])).join(", ") || "none",
        ],
        ["Out of traffic", mesh.away.out.join(", ") || "none"],
      ]),
    );
    chart(mesh);
  }

  /**
   * @param {MeshStatus} mesh
   * @returns {[string, string][]}
   */
  function figures({ nodes, traffic }) {
    const inFlight = nodes.reduce((sum, node) => sum + node.inFlight, 0);
    const places = nodes.reduce((sum, node) => sum + node.places, 0);
    /** @type {[string, string][]} */
    const now = [["In flight", places > 0 ? `${inFlight}, with ${places} places` : `${inFlight}`]];
    if (!traffic) return [...now, ["Of the last hour", "nothing yet"]];
    const { minute, hour } = traffic;
    const refused = Object.entries(hour.refused).map(
      ([status, count]) => `${count} with ${status}`,
    );
    return [
      ...now,
      ["Per second, last minute", (minute.ended / Math.max(1, minute.seconds)).toFixed(1)],
      [`Ended in ${duration(hour.seconds)}`, `${hour.ended}`],
      ["First token, half of them below", half(hour.firstByte)],
      ["Whole answer, half of them below", half(hour.duration)],
      ["Refused", refused.join(", ") || "none"],
      ["Failed at a node", `${hour.failed}`],
    ];
  }

  /** @param {NodeStatus} node */
  function nodeRow(node) {
    const [mood, sign] = STATES[node.state] ?? ["doubt", "○"];
    const role = [
      node.pool ? `pool ${node.pool}` : [],
      node.backup ? "backup" : [],
      node.drain ? "draining" : [],
    ]
      .flat()
      .join(", ");
    const loaded = node.models.filter((model) => model.loaded);
    return row(node.name + (role ? ` (${role})` : ""), [
      element("span", { class: mood }, `${sign} ${node.state}`),
      node.places > 0 ? `${node.inFlight} of ${node.places}` : `${node.inFlight}`,
      node.bytesPerSecond > 0 ? `${size(node.bytesPerSecond)}/s` : "–",
      list(loaded.map((model) => model.name + (model.bytes ? `, ${size(model.bytes)}` : ""))),
      list(loaded.map(({ gpuPercent }) => (gpuPercent === undefined ? "–" : `${gpuPercent} %`))),
      list(node.models.flatMap((model) => (model.loaded ? [] : model.name))),
      node.version || "–",
    ]);
  }

  /** @param {MeshStatus} mesh */
  const awayRows = ({ away }) =>
    [
      ...away.maintenance.map((name) => /** @type {const} */ ([name, "in maintenance"])),
      ...away.out.map((name) => /** @type {const} */ ([name, "out of traffic"])),
    ].map(([name, state]) =>
      row(name, [element("span", { class: "doubt" }, `○ ${state}`), ..."––––––"]),
    );

  /** @param {MeshStatus["models"][number]} model */
  const modelRow = ({ name, pool, loaded, disk, notWell }) =>
    row(name + (pool ? ` (pool ${pool})` : ""), [
      loaded.join(", ") || "–",
      disk.join(", ") || "–",
      notWell.join(", ") || "–",
    ]);

  /**
   * @param {string} name
   * @param {(Node | string)[]} cells
   */
  const row = (name, cells) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      ...cells.map((cell) => element("td", {}, cell)),
    );

  /** @param {string[]} texts */
  const list = (texts) =>
    texts.length === 0 ? "–" : element("ul", {}, ...texts.map((text) => element("li", {}, text)));

  const WIDE = 600;
  const HIGH = 90;

  /** @param {MeshStatus} mesh */
  function chart({ traffic }) {
    const series = traffic?.series.slice(-60) ?? [];
    const bars = series.map(({ ended, failed, refused }) => ({
      ended,
      wrong: failed + Object.values(refused).reduce((sum, one) => sum + one, 0),
    }));
    const most = Math.max(1, ...bars.map(({ ended }) => ended));
    const firsts = series.map(({ firstByte }) => firstByte?.p95 ?? 0);
    const slowest = Math.max(...firsts, 0.001);
    const step = WIDE / 60;
    const from = WIDE - series.length * step;
    /** @type {Element[]} */
    const parts = bars.flatMap(({ ended, wrong }, index) =>
      [
        /** @type {const} */ (["ended", ended]),
        /** @type {const} */ (["wrong", Math.min(ended, wrong)]),
      ].map(([kind, value]) => {
        const height = (value / most) * HIGH;
        const x = from + index * step;
        return drawn("rect", { class: kind, x, y: HIGH - height, width: step - 1, height });
      }),
    );
    const points = firsts.map(
      (first, index) =>
        `${from + (index + 0.5) * step},${HIGH - (first / slowest) * (HIGH - 4) - 2}`,
    );
    parts.push(drawn("polyline", { points: points.join(" ") }));
    put("chart", parts);
    const label =
      series.length === 0
        ? "no requests yet"
        : `the last ${series.length} minutes: at most ${most} requests a minute, 95 % of first tokens within ${duration(slowest)} in the slowest`;
    if (at("chart").getAttribute("aria-label") !== label) {
      at("chart").setAttribute("aria-label", label);
    }
  }

  /**
   * @param {string} name
   * @param {Record<string, string | number>} attributes
   */
  function drawn(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    return made;
  }

  let answered = 0;

  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/status.json", { signal: AbortSignal.timeout(PATIENCE) });
      if (!answer.ok) throw new Error(`it answers with ${answer.status}`);
      show(/** @type {MeshStatus} */ (await answer.json()));
      answered = Date.now();
      document.body.classList.remove("stale");
      at("age").textContent =
        `As of ${new Date(answered).toLocaleTimeString()}, looked at every 2 s.`;
    } catch {
      document.body.classList.add("stale");
      const since = answered > 0 ? ` since ${new Date(answered).toLocaleTimeString()}` : "";
      const verdict = at("verdict");
      verdict.className = "bad";
      const said = `The balancer does not answer${since}`;
      if (verdict.textContent !== said) verdict.textContent = said;
    }
  }

  async function loop() {
    await look();
    setTimeout(loop, EVERY);
  }
  document.addEventListener("visibilitychange", look);
  void loop();
})();
