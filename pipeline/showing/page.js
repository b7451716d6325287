// Sends the picture that is chosen, dropped, pasted or an example, and shows what comes back.
"use strict";

const $ = (id) => document.getElementById(id);
const largest = Number($("ask").dataset.largest);
let asking = null; // ends the request before, whose answer nobody waits for any more

const percent = (share) => `${(100 * share).toFixed(1)}%`;

async function refusal(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `the server failed (${response.status}): the terminal it runs in says why`;
  }
}

async function ask(picture, name, truth) {
  asking?.abort();
  const mine = (asking = new AbortController());
  begin(`Looking at ${name} …`);
  let error;
  try {
    const content = typeof picture === "string" ? await (await fetch(picture, { signal: mine.signal })).blob() : picture;
    if (content.size > largest) {
      error = `the picture has more than ${largest / 1e6} MB: make it smaller`;
    } else {
      const response = await fetch("/answer", { method: "POST", body: content, signal: mine.signal });
      if (response.ok) show(await response.json(), name, truth);
      else error = await refusal(response);
    }
  } catch (failed) {
    if (failed.name === "AbortError") return;
    error = failed instanceof TypeError ? "no answer: does 'pipeline show' still run?" : String(failed);
  }
  if (mine !== asking) return;
  $("ask").removeAttribute("aria-busy");
  if (error) fail(`${name}: ${error}`);
}

function begin(words) {
  $("ask").setAttribute("aria-busy", "true");
  $("status").textContent = words;
  $("said").textContent = "";
  $("error").hidden = true;
  $("result").hidden = true;
}

function fail(words) {
  $("status").textContent = "";
  $("error").textContent = words;
  $("error").hidden = false;
}

function show(said, name, truth) {
  const [best] = said.top;
  const agreeing = said.scales.filter((scale) => scale.top[0].class === best.class).length;
  $("status").textContent = name;
  $("said").textContent = `${best.class}, ${percent(best.probability)}`;
  $("agreement").textContent = `${agreeing} of ${said.scales.length} scales say so.` + verdict(truth, best.class);
  $("top").replaceChildren(...said.top.map(line));
  $("scales").replaceChildren(...said.scales.map((scale, at) => card(scale, at, said)));
  $("result").hidden = false;
  const below = $("outcome").getBoundingClientRect().bottom > 0.6 * window.innerHeight;
  if (below) $("outcome").scrollIntoView();
}

function verdict(truth, answer) {
  if (truth === undefined) return "";
  return truth === answer ? " That is right." : ` That is wrong: it is ${truth}.`;
}

function line({ class: name, probability }) {
  const item = $("class").content.cloneNode(true);
  item.querySelector(".name").textContent = name;
  item.querySelector(".share").textContent = percent(probability);
  item.querySelector("i").style.width = percent(probability);
  return item;
}

function card(scale, at, said) {
  const part = $("scale").content.cloneNode(true);
  const number = at + 1;
  const next = number < said.scales.length ? `, orange: what scale ${number + 1} sees` : "";
  const [x0, y0, x1, y1] = scale.crop;
  const whole = x1 - x0 === said.width && y1 - y0 === said.height;
  const seen = whole ? "the whole picture" : `${x1 - x0} × ${y1 - y0} pixels`;
  part.querySelector("h3").textContent = `Scale ${number}: ${scale.top[0].class}, ${percent(scale.top[0].probability)}`;
  part.querySelector(".note").textContent =
    `It saw ${seen} and attended to ${percent(scale.share)} of that (blue: the box around it${next}).`;
  const words = {
    saw: `What scale ${number} saw, with a blue box around what it attended${next}`,
    attended: `How much scale ${number} attended to each place: the brighter the more`,
    masked: `What scale ${number} attended, all else darkened`,
  };
  part.querySelectorAll("img").forEach((image, index) => {
    const kind = Object.keys(words)[index];
    image.src = scale.pictures[kind];
    image.alt = words[kind];
  });
  const list = part.querySelector("ol");
  list.setAttribute("aria-label", `Most likely classes, scale ${number}`);
  list.replaceChildren(...scale.top.map(line));
  return part;
}

function choose(files) {
  const [file] = files;
  if (!file) return;
  press(null);
  if (files !== $("file").files) $("file").value = "";
  ask(file, file.name || "the pasted picture");
}

function press(chosen) {
  for (const button of document.querySelectorAll("[data-example]")) {
    button.setAttribute("aria-pressed", String(button === chosen));
  }
}

$("file").addEventListener("change", (event) => choose(event.target.files));
$("file").addEventListener("click", (event) => (event.target.value = "")); // the same file may be chosen again
document.addEventListener("paste", (event) => choose(event.clipboardData.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  choose(event.dataTransfer.files);
});
for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    press(button);
    $("file").value = "";
    ask(button.dataset.example, `an example of ${button.dataset.truth}`, button.dataset.truth);
  });
}
press(null);
