// Where a participant's picture and sound come from: the camera, or a drawn moving picture with a tone.

export class SourceError extends Error {
  constructor(text) {
    super(text);
    this.name = "SourceError";
  }
}

/** Resolves to {stream, mirror, stop()}; stream is null when nothing is sent. */
export async function openSource(kind, identity) {
  if (kind === "none") return { stream: null, mirror: false, stop() {} };
  if (kind === "test") return openTestPicture(identity);
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new SourceError("This browser gives cameras only to pages on https or localhost. Open the page there, or choose the test picture.");
  }
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  let fault;
  for (const wanted of [{ video, audio }, { video }, { audio }]) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      return { stream, mirror: true, stop: () => stream.getTracks().forEach(track => track.stop()) };
    } catch (error) {
      fault = error;
      // Only a missing device is worth a second try with less.
      if (error.name !== "NotFoundError" && error.name !== "OverconstrainedError") break;
    }
  }
  if (fault.name === "NotFoundError") return openTestPicture(identity);
  if (fault.name === "NotAllowedError") {
    throw new SourceError("The browser was not allowed to use the camera. Allow it beside the address bar, or choose the test picture.");
  }
  throw new SourceError(`The camera does not start (${fault.message}). Close other programs that use it, or choose the test picture.`);
}

function openTestPicture(identity) {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const context = canvas.getContext("2d", { alpha: false });
  const hue = hash(identity) % 360;
  let frame = 0;
  const draw = () => drawFrame(context, canvas, identity, hue, frame++);
  draw();
  // An interval, unlike animation frames, keeps its rate in a tab that is not in front (as far as the browser lets it).
  const timer = setInterval(draw, 1000 / 30);
  const stream = canvas.captureStream(30);

  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const swell = audio.createOscillator();
  const depth = audio.createGain();
  const volume = audio.createGain();
  const out = audio.createMediaStreamDestination();
  tone.frequency.value = 220 + hash(identity) % 440;
  swell.frequency.value = 0.7;
  depth.gain.value = 0.04;
  volume.gain.value = 0.08;
  swell.connect(depth).connect(volume.gain);
  tone.connect(volume).connect(out);
  tone.start();
  swell.start();
  out.stream.getAudioTracks().forEach(track => stream.addTrack(track));
  // Without a click the browser keeps it silent; the first one anywhere starts it.
  const resume = () => audio.resume();
  resume();
  addEventListener("pointerdown", resume);
  addEventListener("keydown", resume);
  return {
    stream,
    mirror: false,
    stop() {
      clearInterval(timer);
      removeEventListener("pointerdown", resume);
      removeEventListener("keydown", resume);
      stream.getTracks().forEach(track => track.stop());
      audio.close();
    },
  };
}

function drawFrame(context, canvas, identity, hue, frame) {
  const { width, height } = canvas;
  const bars = 8;
  for (let bar = 0; bar < bars; bar++) {
    context.fillStyle = `hsl(${hue + bar * 12} 55% ${22 + bar * 5}%)`;
    context.fillRect(Math.floor(bar * width / bars), 0, Math.ceil(width / bars), height);
  }
  const seconds = frame / 30;
  context.fillStyle = `hsl(${(hue + 180) % 360} 85% 62%)`;
  context.beginPath();
  context.arc(width / 2 + Math.cos(seconds * 1.7) * width * 0.36, height / 2 + Math.sin(seconds * 2.3) * height * 0.3, 34, 0, Math.PI * 2);
  context.fill();
  context.fillStyle = "#fff";
  context.fillRect((frame * 5) % width, height - 10, 60, 10);
  context.textAlign = "center";
  context.font = "600 40px system-ui, sans-serif";
  context.fillText(identity.slice(0, 24), width / 2, height / 2 - 8);
  context.font = "26px ui-monospace, monospace";
  context.fillText(new Date().toISOString().slice(11, 23), width / 2, height / 2 + 34);
}

function hash(text) {
  let value = 7;
  for (const symbol of text) value = (value * 31 + symbol.codePointAt(0)) >>> 0;
  return value;
}
