// A stock tus client for the tests of the server: uploads one file and says where it stands.
//   node scripts/tus-upload.mjs <endpoint> <token> <file> [metadata as JSON] [chunk bytes] [parallel uploads]
import { createReadStream, statSync } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, token, file, metadata = "{}", chunk = "0", parallel = "1"] = process.argv.slice(2);
let retries = 0;
const upload = new Upload(createReadStream(file), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "model.bin", ...JSON.parse(metadata) },
  // The client finds it out by itself when it sends several parts at once, and wants to.
  uploadSize: Number(parallel) > 1 ? null : statSync(file).size,
  chunkSize: Number(chunk) || Number.POSITIVE_INFINITY,
  parallelUploads: Number(parallel),
  retryDelays: Array(300).fill(200),
  onShouldRetry: (error) => {
    retries++;
    const status = error.originalResponse?.getStatus() ?? 0;
    return status === 0 || status >= 500 || status === 409 || status === 423;
  },
  onUploadUrlAvailable: () => console.log(`url ${upload.url}`),
  onSuccess: () => console.log(`done ${upload.url} after ${retries} retries`),
  onError: (error) => {
    console.log(`failed ${error.message}`);
    process.exitCode = 1;
  },
});
upload.start();
