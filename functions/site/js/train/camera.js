// Pictures from the camera, one after the other; where the page gets none, the system's camera takes them.
import { el } from "../dom.js";
import { stamped } from "../download.js";
import { plural } from "../format.js";

const QUALITY = 0.92;

/** A frame of the video as a JPEG file. */
function frameOf(video, number) {
  const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  const name = `${stamped("camera")}-${number}.jpg`;
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(new File([blob], name, { type: blob.type, lastModified: Date.now() })), "image/jpeg", QUALITY));
}

/** Show the camera in a dialog; add(files) is called for each picture taken. instead(): called where there is no camera for the page. */
export async function takePictures(label, add, instead) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch {
    instead(); // no camera, no permission, or no secure origin
    return;
  }
  let number = 0;
  const video = el("video", { autoplay: true, muted: true, playsInline: true, srcObject: stream, "aria-label": "What the camera sees" });
  const counted = el("p", { class: "hint", role: "status" }, "None taken yet");
  const take = async () => {
    number += 1;
    const file = await frameOf(video, number);
    add([{ file, path: file.name }]);
    counted.textContent = `${plural(number, "picture")} taken`;
  };
  const shoot = el("button", { type: "button", class: "main", disabled: true, onclick: take }, "Take picture");
  video.addEventListener("loadeddata", () => {
    shoot.disabled = false;
    shoot.focus();
  });
  const dialog = el("dialog", { class: "camera", "aria-label": `Pictures for ${label}` },
    el("h2", {}, `Pictures for ${label}`), video, counted,
    el("form", { method: "dialog", class: "row end" }, shoot, el("button", { type: "submit" }, "Done")));
  dialog.addEventListener("close", () => {
    stream.getTracks().forEach((track) => track.stop());
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}
