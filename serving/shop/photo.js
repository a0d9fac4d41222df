/** Search by photo: what is in it is framed, and each frame has its look-alikes. */
import { fetchJson, make, part, showFrame, tile } from "./elements.js";

const LONGEST_PX = 1024;
const SAMPLES = 4;
let latest = 0;

/** Draw a photo upright and no larger than is of use; return it as a JPEG, which is what is sent. */
async function drawn(file) {
  const image = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_PX / Math.max(image.width, image.height));
  const canvas = part("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  const wide = canvas.width >= canvas.height;
  const sheet = part("sheet");
  sheet.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
  sheet.style.width = wide ? "100%" : "auto";
  sheet.style.height = wide ? "auto" : "100%";
  sheet.hidden = false;
  part("invite").hidden = true;
  return new Promise((resolve, reject) => {
    const take = (blob) => (blob ? resolve(blob) : reject(new Error("no JPEG came of it")));
    canvas.toBlob(take, "image/jpeg", 0.92);
  });
}

function press(chosen) {
  for (const button of part("frames").children) {
    button.setAttribute("aria-pressed", button === chosen);
  }
}

function showHits(region, name) {
  const tiles = region.hits.map((hit, place) => make("li", {}, tile(hit, { eager: place < 6 })));
  part("grid").replaceChildren(...tiles);
  part("said").textContent = tiles.length
    ? `${tiles.length} products that look like ${name}`
    : `Nothing here looks like ${name}`;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  tiles[0]?.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "nearest" });
}

/** Lay a button over each product, the largest first, so that a smaller one stays within reach. */
function showFrames(answer) {
  const products = answer.regions.filter((region) => region.kind === "product");
  const whole = answer.regions.find((region) => region.kind === "whole");
  const area = ({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0);
  const named = products.map((region, place) => {
    const name = products.length > 1 ? `product ${place + 1}` : "this";
    return { region, name, label: `Show what looks like product ${place + 1}` };
  });
  named.sort((one, other) => area(other.region) - area(one.region));
  const buttons = named.map(({ region, name, label }) => {
    const button = make("button", { type: "button", class: "frame-button", "aria-label": label });
    const [left, top, right, bottom] = region.box.map((edge) => 100 * edge);
    const sides = { left, top, width: right - left, height: bottom - top };
    for (const [side, share] of Object.entries(sides)) button.style[side] = `${share}%`;
    return { button, region, name };
  });
  if (whole) {
    const button = make("button", { type: "button", class: "whole-button" }, "Whole photo");
    buttons.push({ button, region: whole, name: "the whole photo" });
  }
  for (const { button, region, name } of buttons) {
    button.addEventListener("click", () => {
      press(button);
      showHits(region, name);
    });
  }
  part("frames").replaceChildren(...buttons.map(({ button }) => button));
  const first = buttons.find(({ region }) => region === answer.regions[0]);
  press(first?.button);
  if (first) showHits(first.region, first.name);
}

function why(error) {
  if (error.status === 413) return "This photo is too large.";
  if (error.status === 429 || error.status === 503) return "Too many are asking: try again shortly.";
  if (error.status >= 500 || error instanceof TypeError) return "The search did not work. Try again.";
  return "This file could not be read as a photo.";
}

async function search(file) {
  const asking = ++latest;
  const say = (text) => (part("said").textContent = text);
  part("trouble").hidden = true;
  part("frames").replaceChildren();
  part("asking").setAttribute("aria-busy", "true");
  say("Looking at your photo …");
  try {
    const body = await drawn(file);
    const headers = { "Content-Type": "image/jpeg" };
    const answer = await fetchJson("/v1/search/image?limit=24", { method: "POST", headers, body });
    if (asking === latest) showFrames(answer);
  } catch (error) {
    if (asking !== latest) return;
    part("grid").replaceChildren();
    say("");
    part("trouble").textContent = why(error);
    part("trouble").hidden = false;
  } finally {
    if (asking === latest) part("asking").removeAttribute("aria-busy");
  }
}

/** Offer photos of the shop itself to whoever has none at hand. */
async function showSamples() {
  const { items } = await fetchJson("items.json?limit=48");
  // Photos of other web addresses can be shown, but not read.
  const here = items.filter((item) => item.image_url.startsWith("/")).slice(0, SAMPLES);
  const buttons = here.map((item, place) => {
    const image = make("img", { src: item.image_url, alt: "", width: 72, height: 72 });
    const label = `Try a photo of ${item.title ?? `product ${place + 1}`}`;
    const button = make("button", { type: "button", "aria-label": label }, image);
    button.addEventListener("click", async () => search(await (await fetch(image.src)).blob()));
    return button;
  });
  part("samples").append(...buttons);
}

const photoIn = (files) => [...(files ?? [])].find((file) => file.type.startsWith("image/"));

function listen() {
  part("choose").addEventListener("click", () => part("file").click());
  part("file").addEventListener("change", () => {
    if (part("file").files[0]) search(part("file").files[0]);
    part("file").value = ""; // the same photo may be chosen again
  });
  addEventListener("paste", (event) => {
    const photo = photoIn(event.clipboardData?.files);
    if (photo) search(photo);
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    addEventListener(name, (event) => {
      event.preventDefault(); // otherwise the browser would leave the page for the photo
      part("stage").classList.toggle("over", name === "dragover");
    });
  }
  addEventListener("drop", (event) => {
    const photo = photoIn(event.dataTransfer?.files);
    if (photo) search(photo);
  });
}

async function begin() {
  const bundle = await showFrame();
  if (!bundle.capabilities?.photo) {
    part("lead").textContent = "This service was started without photo search.";
    part("asking").hidden = true;
    return;
  }
  listen();
  await showSamples();
}

begin().catch(() => {});
