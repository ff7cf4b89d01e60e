// The models of the service, and the samples that the page ships for them.
import { call } from "./api.js";

/** The entries of GET /v1/models: skysort.models and the model cards, in short. */
export const listModels = async () => (await call("/v1/models")).models;

/** Where the page keeps a sample. */
export const sampleUrl = (name) => `samples/${name}`;

/** Fetch a sample as {file, path}, as if the visitor had chosen it. */
export async function sampleFile(name) {
  const response = await fetch(sampleUrl(name));
  if (!response.ok) throw new Error(`the sample ${name} failed to load`);
  const content = await response.blob();
  return { file: new File([content], name, { type: content.type }), path: name };
}
