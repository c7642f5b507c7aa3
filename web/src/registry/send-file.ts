import { csrfToken } from "@/api/client";
import { Problem } from "@/api/problem";

type SendFile = {
  upload_id: string;
  path: string;
  file: File;
  /** Bytes sent so far. */
  onProgress: (sent: number) => void;
  signal: AbortSignal;
};

/** Sends one file as the body of a request. XMLHttpRequest, because fetch tells nothing while it sends. */
export async function sendFile({ upload_id, path, file, onProgress, signal }: SendFile): Promise<void> {
  const token = await csrfToken();
  await new Promise<void>((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("POST", `/api/v1/uploads/${upload_id}/files?path=${encodeURIComponent(path)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    if (token) request.setRequestHeader("X-CSRF-Token", token);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      signal.removeEventListener("abort", abort);
      if (request.status < 300) return resolve();
      const retry = request.getResponseHeader("Retry-After");
      const answer = new Response(request.responseText, {
        status: request.status,
        headers: retry ? { "Retry-After": retry } : {},
      });
      void Problem.of(answer).then(reject);
    };
    request.onerror = () => reject(Problem.unreachable());
    request.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) return reject(new DOMException("The upload was cancelled.", "AbortError"));
    request.send(file);
  });
}
