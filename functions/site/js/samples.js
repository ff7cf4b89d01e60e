// Sample inputs that ship with the page. The pictures are rendered by the project itself (tests/rendered.py).

/** Pictures of each model: name of the file, what the button says. */
export const PICTURES = {
  galaxy: [
    ["galaxy_spiral.jpg", "Spiral"],
    ["galaxy_elliptical.jpg", "Elliptical"],
    ["galaxy_edge_on.jpg", "Edge-on"],
  ],
  image: [["traffic_light.jpg", "Traffic light"]],
};

/** Where the page keeps a sample. */
export const sampleUrl = (name) => `samples/${name}`;

/** Fetch a sample as a File, as if the visitor had chosen it. */
export async function sampleFile(name) {
  const response = await fetch(sampleUrl(name));
  if (!response.ok) throw new Error(`the sample ${name} did not load`);
  const content = await response.blob();
  return { file: new File([content], name, { type: content.type }), path: name };
}
