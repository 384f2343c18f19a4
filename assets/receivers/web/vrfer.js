// vrfer in a page: connect() hears the bridge, applyMorphTargets() moves a three.js mesh,
// drawFace() draws a face on a canvas. No packages. GPL-3.0-or-later, part of vrfer.

export const EXPRESSIONS = [
  "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
];

const REST = {
  face: false,
  label: "none",
  labelId: -1,
  confidence: 0,
  unsure: false,
  probabilities: Object.fromEntries(EXPRESSIONS.map((name) => [name, 0])),
  capturedAt: null,
};

/**
 * Hear the bridge.
 *
 * onReading({face, label, labelId, confidence, unsure, probabilities, capturedAt}): a frame of
 * vrfer; capturedAt in milliseconds since the Unix epoch, or null.
 * onEvent(name, on): /vrfer/event/NAME began or ended, or the bridge went away.
 * onSilence(): nothing came for `silenceMs` (0: for ever), or the bridge says so; a reading at rest was
 * handed out before.
 *
 * Returns {values, step(seconds), close()}: `values` holds the smoothed probabilities, which
 * step() moves on; call it once a drawn frame.
 */
export function connect({
  url = "/events",
  onReading = () => {},
  onEvent = () => {},
  onSilence = () => {},
  smoothing = 0.08,
  silenceMs = 2000,
} = {}) {
  const values = { ...REST.probabilities };
  const running = new Set();
  let reading = REST;
  let timer;
  const source = new EventSource(url);
  const wait = () => {
    clearTimeout(timer);
    if (silenceMs > 0) timer = setTimeout(rest, silenceMs);
  };
  const rest = () => {
    clearTimeout(timer);
    if (reading !== REST) {
      take(REST);
      onSilence();
    }
  };
  const take = (next) => {
    reading = next;
    onReading(next);
  };
  const setEvent = (name, on) => {
    if (running.has(name) === on) return;
    if (on) running.add(name);
    else running.delete(name);
    onEvent(name, on);
  };
  source.addEventListener("reading", ({ data }) => {
    const { silent, ...next } = JSON.parse(data);
    if (silent) {
      rest();
    } else {
      wait();
      take(next);
    }
  });
  source.addEventListener("event", ({ data }) => {
    const { name, on } = JSON.parse(data);
    setEvent(name, on);
  });
  // Connected anew, it tells again what lasts.
  source.addEventListener("error", () => running.forEach((name) => setEvent(name, false)));
  wait();
  return {
    values,
    step: (seconds) => smooth(values, reading.probabilities, seconds, smoothing),
    close() {
      clearTimeout(timer);
      source.close();
    },
  };
}

/** Move values towards a target: in `smoothing` seconds about two thirds of the way. */
export function smooth(values, target, seconds, smoothing) {
  const share = smoothing > 0 ? 1 - Math.exp(-seconds / smoothing) : 1;
  for (const name of EXPRESSIONS) values[name] += (target[name] - values[name]) * share;
}

/**
 * Set the morph targets of a three.js mesh.
 *
 * shapes: {morphTarget: {expression: gain}}, for example {mouthSmile: {happiness: 1, contempt: 0.3}}.
 * Returns the names that the mesh lacks.
 */
export function applyMorphTargets(mesh, values, shapes) {
  const missing = [];
  for (const [target, gains] of Object.entries(shapes)) {
    const index = mesh.morphTargetDictionary?.[target];
    if (index === undefined) {
      missing.push(target);
      continue;
    }
    let weight = 0;
    for (const [expression, gain] of Object.entries(gains)) weight += (values[expression] ?? 0) * gain;
    mesh.morphTargetInfluences[index] = Math.min(1, Math.max(0, weight));
  }
  return missing;
}

// What each expression does to the drawn face. smile: corners of the mouth, up positive; open:
// mouth; wide: mouth; brow: height; frown: inner ends of the brows, down positive; eyes: opening;
// skew: one corner of the mouth alone; nose: wrinkles.
const FEATURES = {
  neutral: {},
  happiness: { smile: 1, open: 0.25, wide: 0.3, eyes: -0.25, brow: 0.1 },
  surprise: { open: 1, wide: -0.35, brow: 1, eyes: 0.6 },
  sadness: { smile: -0.8, wide: -0.1, frown: -0.8, eyes: -0.25 },
  anger: { smile: -0.35, wide: 0.1, frown: 1, brow: -0.5, eyes: -0.2 },
  disgust: { smile: -0.6, open: 0.1, frown: 0.5, brow: -0.3, eyes: -0.45, nose: 1 },
  fear: { smile: -0.3, open: 0.45, wide: 0.25, frown: -0.6, brow: 0.8, eyes: 0.7 },
  contempt: { skew: 1, eyes: -0.3, brow: -0.1 },
};

/** Mix the drawn features of all expressions by their probabilities. */
export function mixFeatures(values) {
  const mixed = { smile: 0, open: 0, wide: 0, brow: 0, frown: 0, eyes: 0, skew: 0, nose: 0 };
  for (const name of EXPRESSIONS)
    for (const [feature, amount] of Object.entries(FEATURES[name])) mixed[feature] += amount * values[name];
  return mixed;
}

/** Draw a face with these probabilities into a square of `size` pixels at (0, 0). */
export function drawFace(context, values, size, { skin = "#f2c9a0", ink = "#3a2a22" } = {}) {
  const mixed = mixFeatures(values);
  const unit = size / 100;
  context.save();
  context.scale(unit, unit);
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = ink;
  ellipse(context, 50, 50, 36, 44, skin);
  for (const side of [-1, 1]) {
    drawEye(context, 50 + side * 15, 44, 5.5 * (1 + 0.8 * mixed.eyes), ink);
    drawBrow(context, side, mixed);
  }
  drawNose(context, mixed.nose);
  drawMouth(context, mixed);
  context.restore();
}

function ellipse(context, x, y, radiusX, radiusY, fill) {
  context.beginPath();
  context.ellipse(x, y, radiusX, radiusY, 0, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
}

function drawEye(context, x, y, height, ink) {
  const opening = Math.max(0.8, height);
  ellipse(context, x, y, 7, opening, "#ffffff");
  context.lineWidth = 1;
  context.stroke();
  ellipse(context, x, y, Math.min(3.2, opening), Math.min(3.2, opening), ink);
}

function drawBrow(context, side, { brow, frown }) {
  const y = 33 - 6 * brow;
  context.beginPath();
  context.moveTo(50 + side * 24, y - 3 * frown * 0.4);
  context.quadraticCurveTo(50 + side * 16, y - 4 + 2 * frown, 50 + side * 8, y + 5 * frown);
  context.lineWidth = 2.6;
  context.stroke();
}

function drawNose(context, nose) {
  context.lineWidth = 1.4;
  context.beginPath();
  context.moveTo(50, 50);
  context.quadraticCurveTo(53.5, 58, 49, 59.5);
  context.stroke();
  context.globalAlpha = Math.min(1, Math.max(0, nose));
  for (const side of [-1, 1]) {
    context.beginPath();
    context.moveTo(50 + side * 3, 47);
    context.lineTo(50 + side * 6, 49.5);
    context.moveTo(50 + side * 3, 50.5);
    context.lineTo(50 + side * 6.5, 53);
    context.stroke();
  }
  context.globalAlpha = 1;
}

function drawMouth(context, { smile, open, wide, skew }) {
  const half = 14 * (1 + 0.5 * wide);
  const middle = 74;
  const left = { x: 50 - half, y: middle - 5 * smile };
  const right = { x: 50 + half, y: middle - 5 * smile - 7 * skew };
  const curve = middle + 6 * smile;
  const gap = 18 * Math.max(0, open);
  context.beginPath();
  context.moveTo(left.x, left.y);
  const lip = (from, to, y) =>
    context.bezierCurveTo(from + (to - from) * 0.12, y, to - (to - from) * 0.12, y, to, to > from ? right.y : left.y);
  lip(left.x, right.x, curve - gap * 0.5);
  lip(right.x, left.x, curve + gap);
  context.closePath();
  context.fillStyle = "#7a2e2e";
  context.fill();
  context.lineWidth = 2.2;
  context.stroke();
}
