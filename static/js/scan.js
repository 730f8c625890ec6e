// Reads a card with the camera. A browser that knows codes reads it itself; otherwise the laptop looks at small grey
// pictures, one after the other. What was read goes into the search box, as if a hand scanner had typed it.

const EDGE = 480;
const PAUSE_MS = 150;
const box = document.querySelector("[data-scan]");
const part = (name) => box.querySelector(`[data-scan-${name}]`);
let stream = null;

if (box && navigator.mediaDevices?.getUserMedia) {
  box.hidden = false;
  part("start").addEventListener("click", start);
  part("stop").addEventListener("click", stop);
  window.addEventListener("pagehide", stop);
}

async function start() {
  part("failed").hidden = true;
  part("start").hidden = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    const video = part("video");
    video.srcObject = stream;
    part("view").hidden = false;
    await video.play();
    found(await look(video, await reader()));
  } catch {
    if (stream === null) part("failed").hidden = false;
    else fail();
  }
}

function fail() {
  stop();
  part("failed").hidden = false;
}

function stop() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  part("view").hidden = true;
  part("start").hidden = false;
}

// Until something is read or the camera is stopped. The next picture waits for the answer to the last.
async function look(video, read) {
  while (stream !== null) {
    const text = await read(video);
    if (text) return text;
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  return "";
}

async function reader() {
  const known = (await globalThis.BarcodeDetector?.getSupportedFormats?.()) ?? [];
  if (!known.includes("qr_code")) return askLaptop;
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (video) => (await detector.detect(video))[0]?.rawValue ?? "";
}

async function askLaptop(video) {
  const edge = Math.min(EDGE, video.videoWidth, video.videoHeight);
  if (edge < 16) return "";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = edge;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const side = Math.min(video.videoWidth, video.videoHeight);
  pen.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, edge, edge);
  const { data } = pen.getImageData(0, 0, edge, edge);
  const grey = new Uint8Array(edge * edge);
  for (let at = 0; at < grey.length; at += 1) {
    grey[at] = (data[at * 4] * 77 + data[at * 4 + 1] * 151 + data[at * 4 + 2] * 28) >> 8;
  }
  const answer = await fetch(`${box.dataset.scan}?width=${edge}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream", "X-CSRFToken": box.dataset.token },
    body: grey,
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.status === 204 ? "" : (await answer.json()).text;
}

function found(text) {
  if (!text) return;
  stop();
  const search = document.getElementById("q");
  search.value = text;
  search.form.requestSubmit();
}
