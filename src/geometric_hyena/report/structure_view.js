// Interactive 3D view of a chain molecule on a canvas: see structure_view.py for the data.
// Painter's algorithm: all lines, dots and arrows are put into depth bins and drawn from far to near.
"use strict";
(() => {
  const FOG_LEVELS = 20;        // shades from far (pale) to near
  const RAMP_LEVELS = 40;       // shades of the value scale; one more stands for "no value"
  const DEPTH_BINS = 600;
  const SUBDIVISIONS = 5;       // spline pieces between two neighbours of a trace
  const FARTHEST_FOG = 0.72;    // share of background in the farthest colour
  const ARROW_FOG = 0.5;        // the same for arrows, which are thin
  const CAMERA_DISTANCE = 4.5;  // in radii of the molecule
  const FRAME_MS = 800;

  const rgb = (text) => {
    const hex = text.trim().slice(1);
    return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  };
  const mix = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);
  const css = (c) => `rgb(${c.map(Math.round).join(",")})`;
  const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
  const multiply = (A, B) => {
    const C = new Array(9);
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) {
      C[3 * i + j] = A[3 * i] * B[j] + A[3 * i + 1] * B[3 + j] + A[3 * i + 2] * B[6 + j];
    }
    return C;
  };
  const turn = (ax, ay) => {    // about the screen's x axis by ax, then its y axis by ay
    const [cx, sx, cy, sy] = [Math.cos(ax), Math.sin(ax), Math.cos(ay), Math.sin(ay)];
    return multiply([cy, 0, sy, 0, 1, 0, -sy, 0, cy], [1, 0, 0, 0, cx, -sx, 0, sx, cx]);
  };
  const element = (tag, className, parent, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };

  // Centred coordinates of one frame, its spline points and the value at each of them.
  function prepare(frame, data) {
    const n = data.labels.length;
    const position = Float32Array.from(frame.positions);
    const centre = [0, 0, 0];
    for (let i = 0; i < 3 * n; i++) centre[i % 3] += position[i] / n;
    let radius = 1;
    for (let i = 0; i < n; i++) {
      for (let a = 0; a < 3; a++) position[3 * i + a] -= centre[a];
      radius = Math.max(radius, Math.hypot(position[3 * i], position[3 * i + 1], position[3 * i + 2]));
    }
    const value = Float32Array.from({ length: n }, (_, i) => frame.scalar?.[i] ?? NaN);
    const points = [], values = [], starts = [];   // starts: index of each piece's first point
    for (const chain of data.trace) {
      const at = (k) => chain[clamp(k, 0, chain.length - 1)];
      for (let k = 0; k + 1 < chain.length; k++) {
        for (let s = 0; s < SUBDIVISIONS; s++) {
          const t = s / SUBDIVISIONS;
          starts.push(points.length / 3);
          for (let a = 0; a < 3; a++) {             // Catmull-Rom
            const [p, q, r, u] = [at(k - 1), at(k), at(k + 1), at(k + 2)].map((i) => position[3 * i + a]);
            points.push(q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - u + t * (3 * (q - r) + u - p))));
          }
          values.push(value[at(k)] * (1 - t) + value[at(k + 1)] * t);
        }
      }
      if (chain.length > 1) {
        for (let a = 0; a < 3; a++) points.push(position[3 * at(chain.length) + a]);
        values.push(value[at(chain.length)]);
      }
    }
    const arrows = frame.arrows.map((flat) => flat && Float32Array.from(flat, (x) => x ?? 0));
    return { position, value, arrows, radius, points: Float32Array.from(points), values, starts };
  }

  function view(root) {
    const data = JSON.parse(root.querySelector("script").textContent);
    const n = data.labels.length;
    const frames = data.frames.map((frame) => prepare(frame, data));
    const radius = Math.max(...frames.map((frame) => frame.radius));
    const hasValues = data.frames.some((frame) => frame.scalar);
    const inTrace = new Uint8Array(n);
    for (const chain of data.trace) for (const i of chain) inTrace[i] = 1;
    const traced = inTrace.reduce((sum, x) => sum + x, 0);

    const state = {
      rotation: data.axes.slice(), zoom: 1, frame: 0, scale: data.arrowScale, hovered: -1,
      chain: true, atoms: traced < 2, everyArrow: traced === 0 || (traced < n && n < 60),
      arrows: data.arrows.map(() => true),
    };
    const canvas = element("canvas", "", root);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", data.caption);
    const context = canvas.getContext("2d");
    const tip = element("div", "view-tip", root);
    tip.hidden = true;
    element("div", "view-hint", root, "drag to rotate · click, then wheel to zoom · double-click to reset");

    // Colours, made again when the theme changes.
    let paper, ink, rampColors, rampLights, arrowColors;
    function readTheme() {
      const style = getComputedStyle(root);
      const named = (name) => rgb(style.getPropertyValue(name));
      paper = named("--paper");
      ink = named("--ink");
      const stops = data.scalar.ramp.map(rgb);
      const fogged = (color, farthest = FARTHEST_FOG) => Array.from({ length: FOG_LEVELS }, (_, level) =>
        css(mix(color, paper, farthest * (1 - level / (FOG_LEVELS - 1)))));
      const ramp = Array.from({ length: RAMP_LEVELS }, (_, i) => {
        const x = (i / (RAMP_LEVELS - 1)) * (stops.length - 1), k = Math.min(Math.floor(x), stops.length - 2);
        return mix(stops[k], stops[k + 1], x - k);
      });
      ramp.push(hasValues ? named("--reference") : named("--muted"));
      rampColors = ramp.map((color) => fogged(color));
      rampLights = ramp.map((color) => fogged(mix(color, [255, 255, 255], 0.38)));
      arrowColors = data.arrows.map((arrow) => fogged(named(arrow.color), ARROW_FOG));
    }
    const shade = (value) => Number.isNaN(value) ? RAMP_LEVELS : Math.round((RAMP_LEVELS - 1) *
      clamp((value - data.scalar.low) / (data.scalar.high - data.scalar.low), 0, 1));

    // Screen x, y, depth z and magnification of points, and of points moved by arrows.
    let width = 0, height = 0, scaleToFit = 1;
    function project(points, out, moves, factor) {
      const R = state.rotation, s = scaleToFit * state.zoom, camera = CAMERA_DISTANCE * radius;
      for (let i = 0; i < points.length; i += 3) {
        let x = points[i], y = points[i + 1], z = points[i + 2];
        if (moves) { x += factor * moves[i]; y += factor * moves[i + 1]; z += factor * moves[i + 2]; }
        const depth = R[6] * x + R[7] * y + R[8] * z;
        const m = s * camera / Math.max(camera - depth, 0.1 * camera);
        const o = (i / 3) * 4;
        out[o] = width / 2 + m * (R[0] * x + R[1] * y + R[2] * z);
        out[o + 1] = height / 2 - m * (R[3] * x + R[4] * y + R[5] * z);
        out[o + 2] = depth;
        out[o + 3] = m;
      }
      return out;
    }
    const atomsOnScreen = new Float32Array(4 * n);
    const tips = data.arrows.map(() => new Float32Array(4 * n));
    const pointsOnScreen = new Float32Array(4 * Math.max(...frames.map((f) => f.values.length)));

    function draw() {
      const frame = frames[state.frame];
      project(frame.position, atomsOnScreen);
      // What is to be drawn, as kind (0 chain, 1 atom, 2 + k arrow set k) and index, in bins of depth.
      const bins = Array.from({ length: DEPTH_BINS }, () => []);
      const level = (z) => clamp((z / radius + 1) / 2, 0, 0.9999);
      const put = (z, kind, i) => bins[Math.floor(level(z) * DEPTH_BINS)].push(kind, i);
      if (state.chain) {
        project(frame.points, pointsOnScreen);
        for (const i of frame.starts) put((pointsOnScreen[4 * i + 2] + pointsOnScreen[4 * i + 6]) / 2, 0, i);
      }
      if (state.atoms) for (let i = 0; i < n; i++) put(atomsOnScreen[4 * i + 2], 1, i);
      frame.arrows.forEach((arrows, k) => {
        if (!arrows || !state.arrows[k]) return;
        project(frame.position, tips[k], arrows, state.scale);
        for (let i = 0; i < n; i++) {
          if (!state.everyArrow && !inTrace[i]) continue;
          put((atomsOnScreen[4 * i + 2] + tips[k][4 * i + 2]) / 2, 2 + k, i);
        }
      });
      const ratio = window.devicePixelRatio || 1;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      context.lineJoin = "round";
      bins.forEach((bin, b) => {
        const fog = Math.floor((b / DEPTH_BINS) * FOG_LEVELS);
        for (let j = 0; j < bin.length; j += 2) {
          if (bin[j] === 0) drawPiece(frame, bin[j + 1], fog);
          else if (bin[j] === 1) drawAtom(frame, bin[j + 1], fog);
          else drawArrow(bin[j] - 2, bin[j + 1], fog);
        }
      });
      if (state.hovered >= 0) {
        context.beginPath();
        context.arc(atomsOnScreen[4 * state.hovered], atomsOnScreen[4 * state.hovered + 1], 7, 0, 2 * Math.PI);
        context.lineWidth = 2;
        context.strokeStyle = css(ink);
        context.stroke();
      }
    }
    function line(x0, y0, x1, y1, lineWidth, color, cap) {
      context.lineCap = cap;
      context.lineWidth = lineWidth;
      context.strokeStyle = color;
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.stroke();
    }
    function drawPiece(frame, i, fog) {
      const p = pointsOnScreen, o = 4 * i;
      const thick = clamp(0.62 * p[o + 3], 1.6, 14);
      const color = shade(frame.values[i]);
      // A rim of background shows which of two crossing strands is in front; a pale core makes it round.
      line(p[o], p[o + 1], p[o + 4], p[o + 5], thick + 2.5, css(paper), "butt");
      line(p[o], p[o + 1], p[o + 4], p[o + 5], thick, rampColors[color][fog], "round");
      if (thick < 3) return;
      // The core reaches over the ends, which the round cap of the piece before has covered.
      const dx = p[o + 4] - p[o], dy = p[o + 5] - p[o + 1];
      const over = Math.min(1, thick / 2 / Math.max(Math.hypot(dx, dy), 0.1));
      const [ox, oy] = [over * dx, over * dy];
      line(p[o] - ox, p[o + 1] - oy, p[o + 4] + ox, p[o + 5] + oy, 0.3 * thick, rampLights[color][fog], "butt");
    }
    function drawAtom(frame, i, fog) {
      const o = 4 * i;
      context.fillStyle = rampColors[shade(frame.value[i])][fog];
      context.beginPath();
      context.arc(atomsOnScreen[o], atomsOnScreen[o + 1], clamp(0.42 * atomsOnScreen[o + 3], 1, 9), 0, 2 * Math.PI);
      context.fill();
    }
    function drawArrow(k, i, fog) {
      const o = 4 * i, end = tips[k];
      const [x0, y0, x1, y1] = [atomsOnScreen[o], atomsOnScreen[o + 1], end[o], end[o + 1]];
      const dx = x1 - x0, dy = y1 - y0, length = Math.hypot(dx, dy);
      if (length < 1) return;
      const color = arrowColors[k][fog];
      // The first set lies under the others, which must not hide it.
      const thick = clamp(0.2 * end[o + 3], 1.2, 3) * (k ? 1 : 1.4);
      const head = Math.min(3.6 * thick, 0.6 * length), ux = dx / length, uy = dy / length;
      line(x0, y0, x1 - 0.8 * head * ux, y1 - 0.8 * head * uy, thick, color, "round");
      context.fillStyle = color;
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x1 - head * ux - 0.45 * head * uy, y1 - head * uy + 0.45 * head * ux);
      context.lineTo(x1 - head * ux + 0.45 * head * uy, y1 - head * uy - 0.45 * head * ux);
      context.fill();
    }
    let waiting = false;
    function redraw() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    }
    function resize() {
      const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
      if (!box.width) return;
      [width, height] = [box.width, box.height];
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      // Fit the first frame as it lies at first.
      const A = data.axes, p = frames[0].position;
      let [ex, ey] = [1, 1];
      for (let i = 0; i < 3 * n; i += 3) {
        ex = Math.max(ex, Math.abs(A[0] * p[i] + A[1] * p[i + 1] + A[2] * p[i + 2]));
        ey = Math.max(ey, Math.abs(A[3] * p[i] + A[4] * p[i + 1] + A[5] * p[i + 2]));
      }
      scaleToFit = 0.78 * Math.min(width / 2 / ex, height / 2 / ey);
      draw();
    }

    // Controls.
    const controls = element("div", "view-controls", root);
    function checkbox(text, checked, change, color) {
      const label = element("label", "", controls);
      const box = element("input", "", label);
      box.type = "checkbox";
      box.checked = checked;
      box.addEventListener("change", () => { change(box.checked); redraw(); });
      if (color) element("i", "swatch", label).style.background = `var(${color})`;
      label.append(text);
    }
    function slider(text, low, high, step, value, show, change) {
      const label = element("label", "", controls, text);
      const range = element("input", "", label);
      Object.assign(range, { type: "range", min: low, max: high, step, value });
      const output = element("output", "", label, show(value));
      range.addEventListener("input", () => {
        change(Number(range.value));
        output.textContent = show(Number(range.value));
        redraw();
      });
      return range;
    }
    if (frames.length > 1) {
      const button = element("button", "", controls, "▶ Play");
      const range = slider("", 0, frames.length - 1, 1, 0, (i) => data.frames[i].label, (i) => {
        state.frame = i;
        showTip();
      });
      range.setAttribute("aria-label", "frame");
      let timer = 0;
      button.type = "button";
      button.addEventListener("click", () => {
        button.textContent = timer ? "▶ Play" : "❚❚ Pause";
        if (timer) { clearInterval(timer); timer = 0; return; }
        timer = setInterval(() => {
          range.value = (state.frame + 1) % frames.length;
          range.dispatchEvent(new Event("input"));
        }, FRAME_MS);
      });
    }
    data.arrows.forEach((arrow, k) => checkbox(arrow.name, true, (on) => { state.arrows[k] = on; }, arrow.color));
    if (data.arrows.length) {
      slider("arrows", 0.5, 10, 0.5, data.arrowScale, (x) => `× ${x}`, (x) => { state.scale = x; });
      if (traced && traced < n) checkbox("on every atom", state.everyArrow, (on) => { state.everyArrow = on; });
    }
    if (traced > 1) checkbox("chain", true, (on) => { state.chain = on; });
    checkbox("atoms", state.atoms, (on) => { state.atoms = on; });
    if (hasValues) {
      const bar = element("div", "view-bar", root, data.unit ? `${data.scalar.label} (${data.unit})` : data.scalar.label);
      element("i", "", bar).style.background = `linear-gradient(to right, ${data.scalar.ramp.join(",")})`;
      const ends = element("span", "", bar);
      element("b", "", ends, data.scalar.lowText).style.fontWeight = "400";
      element("b", "", ends, data.scalar.highText).style.fontWeight = "400";
    }

    // Pointer, wheel and keys.
    const pointers = new Map();
    let pinch = 0;
    const zoomBy = (factor) => { state.zoom = clamp(state.zoom * factor, 0.3, 20); redraw(); };
    const rotateBy = (ax, ay) => { state.rotation = multiply(turn(ax, ay), state.rotation); redraw(); };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      pinch = 0;
      state.hovered = -1;
      showTip();
    });
    canvas.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return hover(event);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      if (pointers.size === 1) {
        return rotateBy((event.clientY - last[1]) * 0.009, (event.clientX - last[0]) * 0.009);
      }
      const [a, b] = [...pointers.values()];
      const distance = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) zoomBy(distance / pinch);
      pinch = distance;
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => { pointers.delete(event.pointerId); pinch = 0; });
    }
    canvas.addEventListener("pointerleave", () => { state.hovered = -1; showTip(); redraw(); });
    canvas.addEventListener("wheel", (event) => {
      // Until the view is clicked the wheel scrolls the page; ctrl + wheel is a touchpad's pinch.
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      zoomBy(Math.exp(-clamp(event.deltaY, -80, 80) * 0.003));
    }, { passive: false });
    canvas.addEventListener("dblclick", () => {
      state.rotation = data.axes.slice();
      state.zoom = 1;
      redraw();
    });
    const KEYS = {
      ArrowLeft: () => rotateBy(0, -0.1), ArrowRight: () => rotateBy(0, 0.1),
      ArrowUp: () => rotateBy(-0.1, 0), ArrowDown: () => rotateBy(0.1, 0),
      "+": () => zoomBy(1.15), "=": () => zoomBy(1.15), "-": () => zoomBy(1 / 1.15),
      Escape: () => canvas.blur(),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!KEYS[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      KEYS[event.key]();
    });
    function hover(event) {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      let best = -1, bestScore = Infinity;
      for (let i = 0; i < n; i++) {
        if (!state.atoms && !state.everyArrow && traced && !inTrace[i]) continue;   // not seen
        const distance = Math.hypot(atomsOnScreen[4 * i] - x, atomsOnScreen[4 * i + 1] - y);
        if (distance > 12) continue;
        const score = distance - 8 * atomsOnScreen[4 * i + 2] / radius;             // the nearer to the eye wins
        if (score < bestScore) { bestScore = score; best = i; }
      }
      if (best === state.hovered) return;
      state.hovered = best;
      showTip();
      redraw();
    }
    function showTip() {
      const i = state.hovered;
      tip.hidden = i < 0;
      if (i < 0) return;
      const frame = frames[state.frame];
      const lines = [data.labels[i]];
      const amount = (x) => `${x.toFixed(2)} ${data.unit}`.trim();
      if (!Number.isNaN(frame.value[i])) lines.push(`${data.scalar.label || "value"}  ${amount(frame.value[i])}`);
      frame.arrows.forEach((arrows, k) => {
        if (arrows) lines.push(`${data.arrows[k].name}  ${amount(Math.hypot(...arrows.subarray(3 * i, 3 * i + 3)))}`);
      });
      tip.textContent = lines.join("\n");
      const [x, y] = [atomsOnScreen[4 * i], atomsOnScreen[4 * i + 1]];
      tip.style.left = `${clamp(x + 14, 4, Math.max(4, width - tip.offsetWidth - 4))}px`;
      tip.style.top = `${clamp(y + 14, 4, Math.max(4, height - tip.offsetHeight - 4))}px`;
    }

    const theme = () => { readTheme(); redraw(); };
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);
    readTheme();
    new ResizeObserver(resize).observe(canvas);
    resize();
  }
  document.querySelectorAll(".structure-view").forEach(view);
})();
