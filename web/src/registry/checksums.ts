import type { HttpStack } from "tus-js-client";

/** What is hashed and sent in one request: the size of the parts that the server notes. */
export const checked_bytes = 16 << 20;

/** Only secure contexts (https, localhost) have it. */
export const canHash = () => typeof crypto !== "undefined" && crypto.subtle !== undefined;

/** Tells the server the SHA-256 of what each request brings, so that it finds what was damaged on the way. */
export function withChecksums(stack: HttpStack): HttpStack {
  return {
    getName: () => stack.getName(),
    createRequest: (method, url) => {
      const request = stack.createRequest(method, url);
      const send = request.send.bind(request);
      const abort = request.abort.bind(request);
      let aborted = false;
      request.abort = () => {
        aborted = true;
        return abort();
      };
      request.send = async (body: Blob | null) => {
        if (body) request.setHeader("Upload-Checksum", `sha256 ${await sha256(body)}`);
        // A request that is aborted has no answer, as one of the browser's own.
        return aborted ? new Promise(() => {}) : send(body);
      };
      return request;
    },
  };
}

async function sha256(body: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await body.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
