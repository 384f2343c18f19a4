#!/usr/bin/env node
// vrfer in a browser: hears OSC over UDP, hands it on as server-sent events, serves the page.
// Node 18.3 or later, no packages. GPL-3.0-or-later, part of vrfer.
//
//   node bridge.mjs [--osc-port 9000] [--http-port 8080] [--host 127.0.0.1]
//                   [--osc-host 127.0.0.1] [--allow-origin URL]... [--allow-host NAME]...
//                   [--silence 2]

import dgram from "node:dgram";
import http from "node:http";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { parseArgs } from "node:util";

const EXPRESSIONS = [
  "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
];
const PREFIX = "/vrfer/";
const EVENT_PREFIX = "/vrfer/event/";
const DEEPEST_BUNDLE = 32;
const BUNDLE_HEAD = 16;
const MOST_EVENTS = 256;
const MOST_WAITING_BYTES = 1 << 20; // a page that reads slower than this loses readings
const ALIVE_EVERY_MS = 15_000;
const NTP_TO_UNIX_S = 2_208_988_800;
const HERE = new URL(".", import.meta.url);
const PAGES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/index.html": ["index.html", "text/html; charset=utf-8"],
  "/vrfer.js": ["vrfer.js", "text/javascript; charset=utf-8"],
};

class Malformed extends Error {}

/** Read an OSC 1.0 packet with the types i, f, s, b into [{address, args, capturedAt}]. */
function readPacket(packet) {
  const messages = [];
  readElement(packet, 0, packet.length, null, 0, messages);
  return messages;
}

function readElement(packet, start, end, capturedAt, depth, messages) {
  if (start >= end || (end - start) % 4 !== 0) throw new Malformed("size");
  if (packet[start] === 0x2f) {
    messages.push(readMessage(packet, start, end, capturedAt));
    return;
  }
  if (depth >= DEEPEST_BUNDLE || end - start < BUNDLE_HEAD) throw new Malformed("bundle");
  if (packet.toString("latin1", start, start + 8) !== "#bundle\0") throw new Malformed("mark");
  const time = readTime(packet, start + 8);
  let at = start + BUNDLE_HEAD;
  while (at < end) {
    const size = packet.readInt32BE(at);
    at += 4;
    if (size > end - at) throw new Malformed("element");
    readElement(packet, at, at + size, time, depth + 1, messages);
    at += size;
  }
}

/** Milliseconds since the Unix epoch; null where the tag says "immediately". */
function readTime(packet, at) {
  const seconds = packet.readUInt32BE(at);
  const fraction = packet.readUInt32BE(at + 4);
  if (seconds === 0 && fraction <= 1) return null;
  return (seconds - NTP_TO_UNIX_S) * 1000 + (fraction / 2 ** 32) * 1000;
}

function readMessage(packet, start, end, capturedAt) {
  let at = start;
  const word = () => {
    if (end - at < 4) throw new Malformed("number");
    at += 4;
    return at - 4;
  };
  const text = () => {
    const stop = packet.indexOf(0, at);
    if (stop < 0 || stop >= end) throw new Malformed("text");
    const read = packet.toString("utf8", at, stop);
    at += (stop - at + 4) & ~3;
    if (at > end) throw new Malformed("text");
    return read;
  };
  const blob = () => {
    const size = packet.readInt32BE(word());
    if (size < 0 || size > end - at) throw new Malformed("blob");
    at += (size + 3) & ~3;
    if (at > end) throw new Malformed("blob");
    return packet.subarray(at - ((size + 3) & ~3), at).subarray(0, size);
  };
  const readers = {
    i: () => packet.readInt32BE(word()),
    f: () => packet.readFloatBE(word()),
    s: text,
    b: blob,
  };
  const address = text();
  const tags = text();
  if (tags[0] !== ",") throw new Malformed("tags");
  const args = [...tags.slice(1)].map((tag) => {
    if (!Object.hasOwn(readers, tag)) throw new Malformed("type");
    return readers[tag]();
  });
  if (at !== end) throw new Malformed("rest");
  return { address, args, capturedAt };
}

function atRest() {
  return {
    face: false,
    label: "none",
    labelId: -1,
    confidence: 0,
    unsure: false,
    probabilities: Object.fromEntries(EXPRESSIONS.map((name) => [name, 0])),
    capturedAt: null,
  };
}

/** What vrfer said last, and what changes it. */
class State {
  constructor() {
    this.reading = atRest();
    this.events = new Map();
  }

  /** Take a packet's messages; return [kind, data] for all that pages should hear. */
  take(messages) {
    const news = [];
    let changed = false;
    for (const { address, args, capturedAt } of messages) {
      if (!address.startsWith(PREFIX) || args.length === 0) continue;
      const [value] = args;
      if (address.startsWith(EVENT_PREFIX)) {
        const name = address.slice(EVENT_PREFIX.length);
        if (this.#setEvent(name, value)) news.push(["event", { name, on: value >= 0.5 }]);
      } else if (this.#set(address.slice(PREFIX.length), value)) {
        this.reading.capturedAt = capturedAt;
        changed = true;
      }
    }
    if (changed) news.unshift(["reading", this.reading]);
    return news;
  }

  /** Go to rest: vrfer is gone, and no scene must stay in a face or an event for ever. */
  rest() {
    this.reading = atRest();
    const running = [...this.events].filter(([, on]) => on);
    for (const [name] of running) this.events.set(name, false);
    return [["reading", { ...this.reading, silent: true }], ...running.map(([name]) => ["event", { name, on: false }])];
  }

  #setEvent(name, value) {
    if (!Number.isFinite(value)) return false;
    const on = value >= 0.5;
    const known = this.events.has(name);
    if ((this.events.get(name) ?? false) === on) return false;
    if (!known && this.events.size >= MOST_EVENTS) return false;
    this.events.set(name, on);
    return true;
  }

  #set(name, value) {
    if (name === "label") {
      if (typeof value !== "string") return false;
      this.reading.label = value;
      return true;
    }
    if (!Number.isFinite(value)) return false;
    if (name === "face" || name === "unsure") this.reading[name] = value >= 0.5;
    else if (name === "label/id") this.reading.labelId = value;
    else if (name === "confidence") this.reading.confidence = value;
    else if (EXPRESSIONS.includes(name)) this.reading.probabilities[name] = value;
    else return false;
    return true;
  }
}

function asEvent([kind, data]) {
  return `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Whether a page of this origin may read along: pages of this computer, and those named. */
function isAllowed(origin, allowed) {
  if (allowed.includes(origin)) return true;
  try {
    return isThisComputer(new URL(origin).hostname);
  } catch {
    return false;
  }
}

function isThisComputer(hostname) {
  return ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

function isEverybody(host) {
  return host === "0.0.0.0" || host === "::";
}

/** A site that points its own name at this computer must not read along. */
function isOurHost(header, host, allowed) {
  try {
    const served = new URL(`http://${isIP(host) === 6 ? `[${host}]` : host}`).hostname;
    const { hostname } = new URL(`http://${header}`);
    const isAddress = isIP(hostname.replace(/^\[|\]$/g, "")) !== 0;
    return (
      isThisComputer(hostname) || hostname === served || allowed.includes(hostname) ||
      (isEverybody(host) && isAddress)
    );
  } catch {
    return false;
  }
}

/** Start listening and serving; resolves to {oscPort, httpPort, close}. */
async function startBridge({ oscPort, httpPort, host, oscHost, allowOrigin, allowHost, silenceMs }) {
  const state = new State();
  const counts = { packets: 0, malformed: 0 };
  const pages = new Set();

  const tell = (news) => {
    if (news.length === 0) return;
    const all = news.map(asEvent).join("");
    const withoutReading = news.filter(([kind]) => kind !== "reading").map(asEvent).join("");
    for (const page of pages) {
      const isSlow = page.writableLength > MOST_WAITING_BYTES;
      if (!isSlow) page.write(all);
      else if (withoutReading) page.write(withoutReading);
    }
  };

  let silence;
  const hear = (messages) => {
    if (!messages.some(({ address }) => address.startsWith(PREFIX))) return;
    clearTimeout(silence);
    if (silenceMs > 0) silence = setTimeout(() => tell(state.rest()), silenceMs);
    tell(state.take(messages));
  };

  const udp = dgram.createSocket("udp4");
  udp.on("message", (packet) => {
    let messages;
    try {
      messages = readPacket(packet);
    } catch (error) {
      // Buffer's own reads raise RangeError beyond the end of a packet.
      if (!(error instanceof Malformed || error instanceof RangeError)) throw error;
      counts.malformed += 1;
      return;
    }
    counts.packets += 1;
    hear(messages);
  });

  const server = http.createServer(async (request, response) => {
    const { origin, host: hostHeader } = request.headers;
    if (!isOurHost(hostHeader, host, allowHost)) {
      response.writeHead(403).end("Not allowed under this name. Name it with --allow-host NAME.\n");
      return;
    }
    const isOwnPage = origin === `http://${hostHeader}`;
    if (origin && !isOwnPage && !isAllowed(origin, allowOrigin)) {
      response.writeHead(403).end("Not allowed. Name the page with --allow-origin URL.\n");
      return;
    }
    if (origin) response.setHeader("Access-Control-Allow-Origin", origin).setHeader("Vary", "Origin");
    response.setHeader("Cache-Control", "no-store");
    const path = request.url.split("?")[0];
    if (request.method !== "GET") response.writeHead(405).end();
    else if (path === "/events") {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("retry: 1000\n\n" + asEvent(["reading", state.reading]));
      for (const [name, on] of state.events) response.write(asEvent(["event", { name, on }]));
      pages.add(response);
      response.on("close", () => pages.delete(response));
    } else if (path === "/status") {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ ...counts, pages: pages.size }));
    } else if (Object.hasOwn(PAGES, path)) {
      const [file, type] = PAGES[path];
      try {
        const content = await readFile(new URL(file, HERE));
        response.writeHead(200, { "Content-Type": type }).end(content);
      } catch (error) {
        response.writeHead(404).end(`${file} does not lie beside bridge.mjs: ${error.code}.\n`);
      }
    } else response.writeHead(404).end();
  });

  await opened(udp, () => udp.bind(oscPort, oscHost), `UDP port ${oscPort}`, "--osc-port");
  try {
    await opened(server, () => server.listen(httpPort, host), `TCP port ${httpPort}`, "--http-port");
  } catch (error) {
    udp.close();
    throw error;
  }
  const alive = setInterval(() => pages.forEach((page) => page.write(": alive\n\n")), ALIVE_EVERY_MS);
  return {
    oscPort: udp.address().port,
    httpPort: server.address().port,
    close() {
      clearInterval(alive);
      clearTimeout(silence);
      udp.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

function opened(socket, open, what, option) {
  return new Promise((resolve, reject) => {
    const refused = (error) => {
      error.message =
        `${what} cannot be listened to: ${error.code}. ` +
        `Close the program that uses it, or choose another with ${option}.`;
      reject(error);
    };
    socket.once("error", refused);
    socket.once("listening", () => {
      socket.off("error", refused);
      // A network that goes away must not end the bridge.
      socket.on("error", (error) => process.stderr.write(`${error.message}\n`));
      resolve();
    });
    open();
  });
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      "osc-port": { type: "string", default: "9000" },
      "http-port": { type: "string", default: "8080" },
      host: { type: "string", default: "127.0.0.1" },
      "osc-host": { type: "string", default: "127.0.0.1" },
      "allow-origin": { type: "string", multiple: true, default: [] },
      "allow-host": { type: "string", multiple: true, default: [] },
      silence: { type: "string", default: "2" },
    },
  });
  const port = (name) => {
    const number = /^\d+$/.test(values[name]) ? Number(values[name]) : NaN;
    if (!(number <= 65_535)) throw new Error(`--${name} takes a port from 0 to 65535.`);
    return number;
  };
  const silenceMs = 1000 * Number(values.silence.trim() || NaN);
  if (!(silenceMs >= 0 && silenceMs < 2 ** 31)) {
    throw new Error("--silence takes seconds from 0, which is never, to 2000000.");
  }
  return {
    silenceMs,
    oscPort: port("osc-port"),
    httpPort: port("http-port"),
    host: values.host,
    oscHost: values["osc-host"],
    allowOrigin: values["allow-origin"],
    allowHost: values["allow-host"].map((name) => name.toLowerCase()),
  };
}

async function main() {
  let bridge;
  let options;
  try {
    options = readOptions();
    bridge = await startBridge(options);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
    return;
  }
  const shown = isEverybody(options.host) ? "localhost" : options.host;
  process.stdout.write(
    `Listening to vrfer on UDP port ${bridge.oscPort}. ` +
      `Open http://${isIP(shown) === 6 ? `[${shown}]` : shown}:${bridge.httpPort}/\n`,
  );
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => bridge.close());
}

await main();
