// Look-alikes on a product page; how: see the README.
export const VERSION = "0.2.0";

const PHOTO_PX = 1024;

const WORDS = { en: {}, ja: {} };
for (const line of `
heading|More like this|似ている商品
instead|You may also like|こちらもおすすめ
found|Similar items: {n}|似ている商品：{n}件
none|No similar items|似ている商品はありません
failed|Please try again|もう一度お試しください
previous|Previous items|前の商品
next|Next items|次の商品
carousel|carousel|カルーセル
slide|slide|スライド
place|{n} of {of}|{of}件中{n}件目
soldOut|Sold out|在庫切れ
popular|Popular|人気
newest|New|新着
category||カテゴリー
brand||ブランド
colour||色
price||価格
low|from|下限
high|to|上限
search|Search with a photo|写真で探す
close|Close|閉じる
products|Products in this photo|この写真の商品
product|Similar to product {n}|商品{n}に似ている商品
whole|Whole photo|写真全体`.trim().split("\n")) {
  const [word, en, ja] = line.split("|");
  WORDS.en[word] = en;
  WORDS.ja[word] = ja;
}

const languageOf = (element) => element.closest("[lang]")?.lang || navigator.language;

// Words of data-… on the element come first.
function wordsOf(element) {
  const language = languageOf(element);
  return { ...WORDS.en, ...(WORDS[language] ?? WORDS[language.split("-")[0]]), ...element.dataset };
}

const filled = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name]);

const on = (target, ...event) => target.addEventListener(...event);

// Texts become text nodes: nothing of a catalogue is read as HTML.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.className = attributes.part ?? "";
  element.append(...children);
  return element;
}

const newButton = (part, ...children) => make("button", { type: "button", part }, ...children);

function safeAddress(address, base) {
  try {
    const url = new URL(address, base);
    return address && /^https?:$/.test(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

// The service may be mounted below its host's root.
const photoAddress = (address, base) => safeAddress(`${address ?? ""}`.replace(/^\/(?!\/)/, ""), base);

const baseOf = (element) =>
  new URL((element.getAttribute("endpoint") ?? "").replace(/\/*$/, "/"), document.baseURI);

function priceText(price, currency, language) {
  if (typeof price !== "number") return "";
  try {
    return new Intl.NumberFormat(language, currency && { style: "currency", currency }).format(price);
  } catch {
    return `${price} ${currency}`;
  }
}

async function fetchJson(address, signal, more) {
  const answer = await fetch(address, { signal, credentials: "omit", ...more });
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  return (await answer.json()) ?? {};
}

const kept = {};

function once(address) {
  const asked = (kept[address] ??= fetchJson(address, AbortSignal.timeout(3_000)));
  asked.catch(() => delete kept[address]);
  return asked;
}

// CRC-32, as the exporter does.
function shardOf(itemId, shards) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(itemId)) {
    crc ^= byte;
    for (let bit = 8; bit--; ) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return (~crc >>> 0) % shards;
}

async function drawn(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, PHOTO_PX / Math.max(picture.width, picture.height));
  const canvas = make("canvas");
  const pen = canvas.getContext("2d");
  canvas.width = Math.ceil(picture.width * scale);
  canvas.height = Math.ceil(picture.height * scale);
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, PHOTO_PX, PHOTO_PX);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// A server may import this: no document, no sheet.
const SHEET = globalThis.CSSStyleSheet && new CSSStyleSheet();
SHEET?.replaceSync(`
:host {
  --_gap: var(--similar-items-gap, 1em);
  --_radius: var(--similar-items-radius, .5em);
  --_accent: var(--similar-items-accent, currentColor);
  --_faint: color-mix(in srgb, currentColor 9%, transparent);
  --_line: color-mix(in srgb, currentColor 25%, transparent);
  --_quiet: color-mix(in srgb, currentColor 72%, transparent);
  display: block;
}
:host(similar-items) {
  container-type: inline-size; line-height: 1.4;
  min-height: calc(var(--similar-items-min-height, 22em) + var(--_bar, 0em));
}
:host(product-photo) { position: relative; overflow: hidden; }
:host([facets]) { --_bar: 3.25em; }
[hidden], :host(:is([hidden], [data-state=empty], [data-state=error])) { display: none !important; }
.header, .facets, .facet { display: flex; gap: .5em; align-items: center; }
.section { display: flow-root; }
.header { min-height: 2.5em; margin-bottom: .75em; }
.heading { flex: 1; margin: 0; font-size: 1.25em; font-weight: 600; line-height: 1.2; }
button, input {
  flex: none; box-sizing: border-box; height: 2.5em; padding: 0; border: 1px solid var(--_line); border-radius: 2em;
  background: none; color: inherit; font: inherit; white-space: nowrap; cursor: pointer;
}
button:hover { background: var(--_faint); }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
[aria-disabled=true] { opacity: .35; cursor: default; }
.icon { width: 2.5em; }
.icon::before { content: ""; display: block; box-sizing: border-box; width: .65em; height: .65em; margin: auto; border: solid; border-width: 2px 2px 0 0; rotate: 45deg; translate: -.1em; }
.previous, [dir=rtl] .next { scale: -1 1; }
[dir=rtl] .previous { scale: 1; }
.search { display: grid; }
.search::before, .search::after { content: ""; grid-area: 1/1; margin: auto; width: 1.3em; height: 1em; border-width: 2px; border-radius: .25em; rotate: 0deg; translate: 0; }
.search::after { width: .25em; height: .25em; border: 2px solid; border-radius: 1em; }
.close::before { content: "×"; border: 0; line-height: .65em; font-size: 1.4em; rotate: 0deg; translate: 0; }
.fits :is(.previous, .next), .off { visibility: hidden; }
.facets { box-sizing: border-box; height: var(--_bar); padding: 4px; margin: -4px; gap: 1.5em; align-items: start; overflow: auto hidden; scrollbar-width: thin; }
:host(:not([facets])) .facets { display: none; }
.facet { flex: none; text-transform: capitalize; }
.chip, input { height: 2.2em; padding: 0 .9em; font-size: .9em; }
.chip[aria-pressed=true] { border-color: var(--_accent); box-shadow: inset 0 0 0 1px var(--_accent); font-weight: 600; }
input { width: 6.5em; cursor: text; }
small, ::placeholder, .brand, .status { color: var(--_quiet); opacity: 1; }
.list {
  display: flex; align-items: start; gap: var(--_gap); margin: -4px; padding: 4px; scroll-padding: 4px;
  overflow-x: auto; overscroll-behavior-x: contain; scroll-snap-type: x proximity; scrollbar-width: thin;
}
.item, .waiting { flex: none; width: min(var(--similar-items-card-width, 11em), 42cqi); scroll-snap-align: start; }
.card { display: block; position: relative; color: inherit; text-decoration: none; border-radius: var(--_radius); }
.photo, figure { aspect-ratio: var(--similar-items-image-ratio, 1); margin: 0 0 .6em; overflow: hidden; border-radius: var(--_radius); background: var(--_faint); }
img { display: block; width: 100%; height: 100%; object-fit: cover; }
.title { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; height: 2.8em; overflow: hidden; font-size: .9em; overflow-wrap: anywhere; }
.brand, .price { display: block; height: 1.4em; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-size: .8em; }
.price { margin-top: .2em; font-size: .95em; font-weight: 600; }
[href]:hover .title { text-decoration: underline; }
.badge { position: absolute; inset-block-start: .6em; inset-inline-start: .6em; padding: .15em .6em; border-radius: 1em; background: #fffe; color: #111; font-size: .75em; }
.badge:empty, .waiting img { display: none; }
.waiting span { border-radius: .3em; background: var(--_faint) content-box; padding-block: .2em; box-sizing: border-box; }
.waiting :is(.brand, .price) { width: 40%; }
[aria-busy] .item { opacity: .45; }
figure { flex: none; position: relative; scroll-snap-align: start; display: grid; place-items: center; width: min(15em, 42cqi); aspect-ratio: 1; }
.close { position: absolute; inset-block-start: .4em; inset-inline-end: .4em; width: 2em; height: 2em; background: #fffe; color: #111; }
.sheet { position: relative; }
.sheet .whole { inset-block: auto .4em; }
canvas { display: block; width: 100%; height: auto; }
.status { margin: 0; padding: 2em 0; }
:host(:not([data-state=none], [data-state=failed])) .status { position: absolute; width: 1px; height: 1px; padding: 0; overflow: hidden; clip-path: inset(50%); }
.layer { position: absolute; inset: 0; overflow: hidden; pointer-events: none; }
.box, .whole {
  position: absolute; height: auto; min-width: 24px; min-height: 24px; pointer-events: auto; border: 2px solid #fffd; border-radius: .7em;
  box-shadow: 0 0 0 1px #0005, inset 0 0 0 1px #0003; color: #111;
}
.box:hover { background: #fff3; }
.box[aria-pressed=true] { border: 3px solid var(--product-photo-accent, #fff); }
.box:focus-visible { outline: 3px solid var(--product-photo-accent, #fff); outline-offset: -8px; }
.whole, .whole:hover { inset-block-start: .75em; inset-inline-start: .75em; padding: .3em .8em; border: 0; border-radius: 2em; background: #fffe; font-size: .8em; }
.whole[aria-pressed=true] { background: #111; color: #fff; }
.whole:focus-visible { outline-color: #111; }
@media (prefers-reduced-motion: no-preference) {
  .list { scroll-behavior: smooth; }
  .item, button, img { transition: .2s; }
  [href]:hover img { scale: 1.03; }
  .waiting { animation: breathe 1.6s ease-in-out infinite; }
  @keyframes breathe { 50% { opacity: .55; } }
}
`);

function frames(layer, regions, words, choose) {
  const area = ({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0);
  const products = regions.filter(({ kind }) => kind !== "whole");
  const whole = products[0] && regions.find(({ kind }) => kind === "whole");
  const press = (id) => {
    for (const button of layer.children) button.ariaPressed = button.dataset.region === id;
  };
  const button = (region, part, text = "") => {
    const made = newButton(part, text);
    made.dataset.region = region.region_id;
    on(made, "click", () => {
      press(region.region_id);
      choose(region);
    });
    return made;
  };
  products.sort((one, other) => area(other) - area(one));
  const buttons = products.map((region, place) => {
    const made = button(region, "box");
    const [x0, y0, x1, y1] = region.box.map((edge) => 100 * edge);
    made.style.inset = `${y0}% ${100 - x1}% ${100 - y1}% ${x0}%`;
    made.ariaLabel = filled(words.product, { n: place + 1 });
    return made;
  });
  if (whole) buttons.push(button(whole, "whole", words.whole));
  layer.ariaLabel = words.products;
  layer.replaceChildren(...buttons);
  return press;
}

const newLayer = () => make("div", { part: "layer", role: "group" });

function plainCard() {
  const image = { "data-field": "image_url", width: 176, height: 176, alt: "", loading: "lazy", decoding: "async" };
  const texts = ["brand", "title", "price", "badge"];
  return make(
    "a",
    { part: "card", "data-field": "url" },
    make("div", { part: "photo" }, make("img", image)),
    ...texts.map((name) => make("span", { part: name, "data-field": name })),
  );
}

function fill(card, fields) {
  for (const place of [card, ...card.querySelectorAll("[data-field]")]) {
    const name = place.dataset.field;
    const value = `${fields[name] ?? ""}`;
    if (!name) continue;
    if (place.localName === "img") {
      const [x0, y0, x1, y1] = fields.box ?? [0, 0, 1, 1];
      place.style.objectPosition = `${50 * (x0 + x1)}% ${50 * (y0 + y1)}%`;
      on(place, "error", () => place.remove());
      if (value) place.src = value;
      else place.remove();
    } else if (name !== "url") place.textContent = value;
    else if (value) place.setAttribute("href", value);
  }
}

const Base = globalThis.HTMLElement ?? Object;

class SimilarItems extends Base {
  static observedAttributes =
    "endpoint item-id limit region heading lang link facets photo-search static".split(" ");

  static words = WORDS;

  answer = null;

  #turn = 0;
  #loading;
  #words = WORDS.en;
  #base;
  #photo;
  #filters = new Map();
  #counts;
  #visible = new Map();
  #heading = make("h2", { part: "heading", id: "heading" });
  #camera = newButton("icon search");
  #close = newButton("icon close");
  #previous = newButton("icon previous");
  #next = newButton("icon next");
  #file = make("input", { type: "file", accept: "image/*", hidden: "" });
  #bar = make("div", { part: "facets" });
  #layer = newLayer();
  #sheet = make("div", { part: "sheet" });
  #figure = make("figure", { part: "figure" }, this.#sheet, this.#close);
  #list = make("div", { part: "list", role: "group", tabindex: 0 }, this.#figure);
  #slides = [];
  #status = make("p", { part: "status", role: "status" });
  #section = make(
    "section",
    { part: "section", "aria-labelledby": "heading" },
    make("header", { part: "header" }, this.#heading, this.#camera, this.#previous, this.#next),
    this.#bar,
    this.#list,
    this.#status,
    this.#file,
  );
  #sizes = new ResizeObserver(() => this.#showArrows());
  #watch = new IntersectionObserver((entries) => this.#see(entries), { threshold: 0.5 });

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [SHEET];
    root.append(this.#section);
    this.#camera.hidden = true;
    on(this.#previous, "click", () => this.#scroll(-1));
    on(this.#next, "click", () => this.#scroll(1));
    on(this.#list, "scroll", () => this.#showArrows());
    on(this.#list, "focusin", ({ target }) => {
      if (target.matches(":focus-visible")) target.scrollIntoView({ block: "nearest", inline: "center" });
    });
    on(this.#camera, "click", () => this.#file.click());
    on(this.#file, "change", () => {
      this.#begin(this.#file.files[0]);
      this.#file.value = "";
    });
    on(this.#close, "click", () => {
      this.#camera.focus();
      this.#begin();
    });
  }

  connectedCallback() {
    this.#sizes.observe(this.#list);
    this.#begin();
  }

  disconnectedCallback() {
    this.#turn++;
    this.#loading?.abort();
    this.#sizes.disconnect();
    this.#fill([]);
  }

  attributeChangedCallback(name, before, after) {
    // A region is of one item.
    if (name === "item-id" && before && before !== after) this.removeAttribute("region");
    this.#begin();
  }

  #begin(photo) {
    this.#photo = photo;
    this.#counts = null;
    this.#filters.clear();
    this.#load();
  }

  async #load() {
    const turn = ++this.#turn;
    await null; // several changes together make one request
    if (turn !== this.#turn || !this.isConnected) return;
    this.#loading?.abort();
    try {
      this.#loading = new AbortController();
      const signal = AbortSignal.any([this.#loading.signal, AbortSignal.timeout(10_000)]);
      const itemId = this.getAttribute("item-id");
      if (!itemId && !this.#photo) return (this.dataset.state = "empty");
      this.#wait(itemId);
      this.#base = baseOf(this);
      const ask = this.hasAttribute("static") ? this.#read : this.#ask;
      const answer = await (this.#photo ? this.#askPhoto : ask).call(this, signal, itemId);
      if (turn === this.#turn) this.#show(answer);
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
    }
  }

  #fail(error) {
    this.#fill([]);
    this.#say("failed");
    this.#emit("error", { error });
  }

  async #ask(signal, itemId) {
    const address = new URL(`v1/items/${encodeURIComponent(itemId)}/similar?fallback=true`, this.#base);
    const query = address.searchParams;
    query.set("limit", this.#limit());
    const region = this.getAttribute("region");
    if (region) query.set("region", region);
    if (this.#facets()[0]) {
      const { filters = [] } = await this.#about();
      const known = this.#facets().filter((name) => filters.includes(name));
      if (known[0]) query.set("facets", known);
    }
    for (const filter of this.#filters) query.append("filter", filter.join(":"));
    return fetchJson(address, signal);
  }

  async #read(signal, itemId) {
    const index = await this.#about();
    const part = (name) => fetchJson(new URL(`${index.folder}/${name}.json`, this.#base), signal);
    const shard = await part(shardOf(itemId, index.shards));
    const answer = Object.hasOwn(shard, itemId) ? shard[itemId] : await part("unknown");
    const region_id = this.getAttribute("region") ?? answer.region_id;
    const hits = answer.regions?.[region_id] ?? answer.hits;
    return { ...answer, image_base: index.image_base, region_id, hits: hits.slice(0, this.#limit()) };
  }

  async #askPhoto(signal) {
    const canvas = await drawn(this.#photo);
    signal.throwIfAborted();
    this.#sheet.style.width = `${Math.min(100, (100 * canvas.width) / canvas.height)}%`;
    this.#sheet.replaceChildren(canvas);
    const body = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    const address = new URL(`v1/search/image?limit=${this.#limit()}`, this.#base);
    const found = await fetchJson(address, signal, { method: "POST", body });
    const regions = found.regions.map((region, place) => ({ ...region, region_id: `${place}` }));
    const by = (region) => ({ ...found, item_id: null, hits: region?.hits ?? [] });
    frames(this.#layer, regions, this.#words, (region) => this.#show(by(region)))("0");
    this.#sheet.append(this.#layer);
    return by(regions[0]);
  }

  #about() {
    const name = this.hasAttribute("static") ? "index.json" : "v1/bundle";
    return once(new URL(name, this.#base)).catch(() => ({}));
  }

  #limit() {
    const limit = parseInt(this.getAttribute("limit"), 10);
    return limit > 0 ? Math.min(limit, 100) : 12;
  }

  #facets() {
    return this.getAttribute("facets")?.match(/[^\s,][^,]*/g) ?? [];
  }

  #wait(itemId) {
    const words = (this.#words = wordsOf(this));
    const section = this.#section;
    for (const name of ["previous", "next", "search", "close"]) {
      section.querySelector(`.${name}`).ariaLabel = words[name];
    }
    this.#list.ariaLabel = words.heading;
    section.ariaRoleDescription = words.carousel;
    section.ariaBusy = true;
    section.dir = getComputedStyle(this).direction;
    // Nothing below may move.
    section.style.minHeight = this.#asked() ? `${section.offsetHeight}px` : "";
    this.#status.textContent = "";
    this.#title("heading");
    this.#figure.hidden = !this.#photo;
    this.#sheet.replaceChildren();
    this.#bar.classList.toggle("off", !!this.#photo);
    if (this.#photo || this.answer?.item_id !== itemId || !this.#slides[0]) {
      const waiting = () => make("div", { part: "waiting", "aria-hidden": true }, plainCard());
      this.#fill(Array.from({ length: Math.min(this.#limit(), 8) }, waiting));
    }
    this.dataset.state = "loading";
  }

  #title(word) {
    this.#heading.textContent = this.getAttribute("heading") ?? this.#words[word];
  }

  #fill(slides) {
    for (const slide of this.#slides) {
      slide.card?.remove();
      slide.remove();
    }
    this.#watch.disconnect();
    this.#visible.clear();
    this.#slides = slides;
    this.#list.append(...slides);
  }

  #show(answer) {
    try {
      this.answer = answer;
      const { hits } = answer;
      const slides = hits.map((hit, place) => this.#slide(hit, place, hits.length));
      this.#fill(slides);
      this.#list.scrollLeft = 0;
      if (!this.#photo) this.#showFacets(answer.facets);
      if (answer.fallback === "unknown_item") this.#title("instead");
      this.#say(...(slides[0] ? ["ready", "found"] : ["none"]));
      for (const slide of slides) this.#watch.observe(slide);
      this.#showArrows();
      this.#offer();
      this.#emit("load", answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #offer() {
    const { capabilities } = await this.#about();
    this.#camera.hidden = !(capabilities?.photo && this.hasAttribute("photo-search"));
  }

  #slide(hit, place, of) {
    const words = this.#words;
    const { query_id, item_id, bundle, image_base } = this.answer;
    const template = this.querySelector(":scope > template[slot=card]");
    const card = template?.content.firstElementChild.cloneNode(true) ?? plainCard();
    const link = this.getAttribute("link")?.replaceAll("{item_id}", encodeURIComponent(hit.item_id));
    fill(card, {
      ...hit,
      title: hit.title ?? hit.item_id,
      url: safeAddress(link ?? hit.url, document.baseURI),
      image_url: photoAddress(hit.image_url, image_base ?? this.#base),
      price: priceText(hit.price, hit.currency, languageOf(this)),
      badge: hit.in_stock === false ? words.soldOut : words[hit.fallback],
    });
    const slide = make(
      "div",
      {
        part: "item",
        role: "group",
        "aria-roledescription": words.slide,
        "aria-label": filled(words.place, { n: place + 1, of }),
      },
      card,
    );
    if (template) {
      card.slot = `hit-${place}`;
      slide.append(make("slot", { name: card.slot }));
      this.append(card);
    }
    slide.told = { query_id, item_id, bundle, position: place + 1, hit };
    slide.card = card;
    on(card, "click", (event) => {
      this.#view([slide]);
      if (!this.#tell("click", [slide.told])) event.preventDefault();
    });
    return slide;
  }

  // Later answers change only the counts.
  #showFacets(facets = {}) {
    if (!this.#counts) {
      this.#counts = [];
      const groups = this.#facets().map((name) => {
        const label = this.#words[name] || name;
        const facet = facets[name] ?? {};
        const fields = facet.map ? this.#chips(name, facet) : this.#range(name, label, facet);
        return make("div", { part: "facet", role: "group", "aria-label": label }, ...fields);
      });
      this.#bar.replaceChildren(...groups.filter((group) => group.firstChild));
    }
    for (const [name, value, count] of this.#counts) {
      count.textContent = facets[name]?.find((each) => each.value === value)?.count ?? 0;
    }
  }

  #chips(name, values) {
    const chosen = new Set();
    return values.map(({ value }) => {
      const count = make("small");
      const chip = newButton("chip", `${value} `, count);
      chip.ariaPressed = false;
      this.#counts.push([name, value, count]);
      on(chip, "click", () => {
        if (!chosen.delete(value)) chosen.add(value);
        chip.ariaPressed = chosen.has(value);
        this.#filter(name, [...chosen].map((each) => `${each}`.replaceAll(",", "\\,")).join());
      });
      return chip;
    });
  }

  #range(name, label, { low, high }) {
    if (!(low < high)) return [];
    const ends = ["low", "high"].map((end) => {
      const about = { type: "number", step: "any", placeholder: end === "low" ? low : high };
      const field = make("input", { part: "input", "aria-label": `${label} ${this.#words[end]}`, ...about });
      on(field, "change", () => {
        const range = ends.map(({ value }) => value).join("..");
        this.#filter(name, range === ".." ? "" : range);
      });
      return field;
    });
    return [label, ends[0], "–", ends[1]];
  }

  #filter(name, text) {
    if (text) this.#filters.set(name, text);
    else this.#filters.delete(name);
    this.#load();
  }

  #asked() {
    return this.#photo || this.#filters.size;
  }

  #say(state, word = state) {
    const hidden = { none: "empty", failed: "error" };
    this.#section.ariaBusy = null;
    this.#status.textContent = filled(this.#words[word], { n: this.#slides.length });
    this.dataset.state = (!this.#asked() && hidden[state]) || state;
  }

  #emit(name, detail) {
    const how = { detail, bubbles: true, composed: true, cancelable: name === "click" };
    return this.dispatchEvent(new CustomEvent(`similar-items:${name}`, how));
  }

  // A card is viewed once half of it is visible for a second, or it is clicked.
  #see(entries) {
    for (const { target, intersectionRatio, time } of entries) {
      this.#visible.set(target, intersectionRatio < 0.5 ? 0 : time);
    }
    setTimeout(() => {
      const still = entries.filter(({ target, time }) => this.#visible.get(target) === time);
      this.#view(still.map(({ target }) => target));
    }, 1_000);
  }

  #view(slides) {
    const first = slides.filter((slide) => !slide.viewed && (slide.viewed = true));
    if (first[0]) this.#tell("view", first.map(({ told }) => told));
  }

  #tell(type, all) {
    const goesOn = all.every((told) => this.#emit(type, told));
    const events = all.map(({ hit, ...told }) => ({ type, ...told, hit_item_id: hit.item_id }));
    const body = JSON.stringify({ events });
    const address = new URL("v1/events", this.#base);
    this.#about().then(({ capabilities }) => {
      if (!capabilities?.events || this.hasAttribute("no-events")) return;
      const how = { method: "POST", mode: "no-cors", credentials: "omit", keepalive: true, body };
      fetch(address, how).catch(() => {});
    });
    return goesOn;
  }

  #scroll(direction) {
    const ahead = this.#section.dir === "rtl" ? -direction : direction;
    this.#list.scrollBy({ left: ahead * this.#list.clientWidth * 0.85 });
  }

  #showArrows() {
    const { scrollWidth, clientWidth, scrollLeft } = this.#list;
    const left = scrollWidth - clientWidth;
    const gone = Math.abs(scrollLeft);
    this.#section.classList.toggle("fits", left < 2);
    this.#previous.ariaDisabled = gone < 2;
    this.#next.ariaDisabled = gone > left - 2;
  }
}

class ProductPhoto extends Base {
  static observedAttributes = ["for", "image", "lang"];

  #item;
  #target;
  #layer = newLayer();
  #sizes = new ResizeObserver(() => this.#place());
  #root;
  #press;
  #onLoad = ({ target }) => target === this.#find() && this.#follow(target);

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const slot = make("slot");
    root.adoptedStyleSheets = [SHEET];
    root.append(slot, this.#layer);
    on(slot, "slotchange", () => this.#draw());
    // `load` does not bubble, but can be caught.
    on(this, "load", () => this.#place(), true);
  }

  connectedCallback() {
    this.#root = this.getRootNode();
    on(this.#root, "similar-items:load", this.#onLoad);
    this.#sizes.observe(this);
    const target = this.#find();
    if (target?.answer) this.#follow(target);
  }

  disconnectedCallback() {
    this.#root.removeEventListener("similar-items:load", this.#onLoad);
    this.#sizes.disconnect();
  }

  attributeChangedCallback() {
    this.#draw();
  }

  #find() {
    const name = this.getAttribute("for");
    return this.#root.querySelector(name ? `#${CSS.escape(name)}` : "similar-items");
  }

  async #follow(target) {
    this.#target = target;
    const { item_id: itemId, item, region_id } = target.answer;
    try {
      if (itemId && this.#item?.item_id !== itemId) {
        const found = item ?? (await fetchJson(new URL(`v1/items/${encodeURIComponent(itemId)}`, baseOf(target))));
        if (target.answer.item_id === itemId) this.#item = found;
        this.#draw();
      }
      this.#press(region_id);
    } catch {
      this.#item = null; // the picture stays as it is
    }
  }

  #image() {
    return this.#item?.images?.[Number(this.getAttribute("image"))];
  }

  #draw() {
    this.#press = frames(this.#layer, this.#image()?.regions ?? [], wordsOf(this), (region) =>
      this.#target.setAttribute("region", region.region_id),
    );
    this.#press(this.#target?.answer.region_id);
    this.#place();
  }

  #place() {
    const picture = this.querySelector("img");
    const image = this.#image();
    const { naturalWidth, naturalHeight } = picture ?? {};
    const ratio = naturalWidth / naturalHeight;
    // Over another crop, boxes would lie beside the products.
    const same = image && Math.abs((ratio * image.height_px) / image.width_px - 1) < 0.03;
    this.#layer.hidden = !same;
    if (!same) return;
    const outer = this.getBoundingClientRect();
    const { left, top, width, height } = picture.getBoundingClientRect();
    const fitted = { contain: Math.min, cover: Math.max }[getComputedStyle(picture).objectFit];
    const across = fitted ? fitted(width, height * ratio) : width;
    const down = fitted ? across / ratio : height;
    const { style } = this.#layer;
    style.inset = "auto";
    style.left = `${left - outer.left + (width - across) / 2}px`;
    style.top = `${top - outer.top + (height - down) / 2}px`;
    style.width = `${across}px`;
    style.height = `${down}px`;
  }
}

const elements = globalThis.customElements;
if (elements && !elements.get("similar-items")) {
  elements.define("similar-items", SimilarItems);
  elements.define("product-photo", ProductPhoto);
}
