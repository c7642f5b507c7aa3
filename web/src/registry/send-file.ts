import type { DetailedError, Upload } from "tus-js-client";
import { csrfToken } from "@/api/client";
import { Problem } from "@/api/problem";
import { canHash, checked_bytes, withChecksums } from "./checksums";

type SendFile = {
  upload_id: string;
  path: string;
  file: File;
  /** The file is an archive, whose files are wanted. */
  unpack: boolean;
  /** Of a file that was on its way before. */
  transfer_id?: string;
  /** Bytes that have arrived, or are on the wire. */
  onProgress: (sent: number) => void;
  /** The connection is lost, or the server still works on what was sent; it goes on by itself. */
  onWaiting: (reason: "connection" | "server") => void;
  /** Called once, with what pauses it and goes on. */
  onControl: (control: { pause: () => void; resume: () => void }) => void;
  signal: AbortSignal;
};

// About an hour: a server that works on what has arrived may take long, and whoever has lost the connection can cancel.
const retry_delays_ms = [0, 500, 1000, 2000, 3000, ...Array<number>(720).fill(5000)];
// How often a part is sent again that was damaged on the way.
const repetitions_max = 3;

/** Sends one file by the tus protocol, which goes on after a lost connection or a restart of the server. */
export async function sendFile(given: SendFile): Promise<void> {
  const { Upload, DefaultHttpStack } = await import("tus-js-client");
  if (given.signal.aborted) throw cancelled();
  let damaged = 0;
  await new Promise<void>((resolve, reject) => {
    const upload: Upload = new Upload(given.file, {
      endpoint: "/api/v1/uploads/tus",
      uploadUrl: given.transfer_id ? `/api/v1/uploads/tus/${given.transfer_id}` : null,
      metadata: { upload: given.upload_id, path: given.path, ...(given.unpack && { unpack: "true" }) },
      storeFingerprintForResuming: false,
      retryDelays: retry_delays_ms,
      ...(canHash() && { chunkSize: checked_bytes, httpStack: withChecksums(new DefaultHttpStack({})) }),
      onBeforeRequest: async (request) => {
        const token = await csrfToken().catch(() => undefined);
        if (token) request.setHeader("X-CSRF-Token", token);
      },
      onShouldRetry: (error) => {
        const status = (error as DetailedError).originalResponse?.getStatus() ?? 0;
        if (status === 460) return ++damaged <= repetitions_max;
        const again = status === 0 || status >= 500 || status === 409 || status === 423 || status === 429;
        // 423: it checks or unpacks what has arrived, or does not know yet that a connection is lost.
        if (again && status !== 507) given.onWaiting(status === 423 ? "server" : "connection");
        return again && status !== 507;
      },
      onProgress: given.onProgress,
      onChunkComplete: () => {
        damaged = 0;
      },
      onSuccess: () => resolve(),
      onError: (error) => reject(problemOfUpload(error)),
    });
    given.signal.addEventListener("abort", () => {
      // Ends it at the server too: nothing of it is wanted any more.
      void upload.abort(upload.url !== null).catch(() => undefined);
      reject(cancelled());
    });
    given.onControl({ pause: () => void upload.abort(), resume: () => upload.start() });
    upload.start();
  });
}

function cancelled(): DOMException {
  return new DOMException("The upload was cancelled.", "AbortError");
}

function problemOfUpload(error: Error): Problem {
  const response = (error as DetailedError).originalResponse;
  if (!response) return Problem.unreachable();
  try {
    return new Problem(response.getStatus(), JSON.parse(response.getBody()));
  } catch {
    return new Problem(response.getStatus(), {});
  }
}
