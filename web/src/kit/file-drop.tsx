import { FolderUp, Upload, X } from "lucide-react";
import { type ChangeEvent, type DragEvent, useId, useRef, useState } from "react";
import { Button } from "@/kit/button";
import { Progress } from "@/kit/progress";
import { operationState, Status } from "@/kit/status";
import { cx } from "@/lib/cx";
import { bytes, plural } from "@/lib/format";

/** A file and its path below the folder that was dropped. */
export type DroppedFile = { path: string; file: File };

export type FileProgress = {
  state: "waiting" | "running" | "done" | "failed";
  /** 0 to 1 */
  value?: number;
  error?: string;
};

type FileDropProps = {
  /** "Model files" */
  label: string;
  hint?: string;
  files: readonly DroppedFile[];
  onChange: (files: DroppedFile[]) => void;
  /** Of each path, while it uploads. */
  progress?: Readonly<Record<string, FileProgress>>;
  /** An upload runs: nothing can be added or removed. */
  locked?: boolean;
  error?: string;
};

/** Files and folders, by dragging or by the two buttons; the list of what was chosen. */
export function FileDrop({ label, hint, files, onChange, progress = {}, locked = false, error }: FileDropProps) {
  const fileInput = useRef<HTMLInputElement>(null);
  const folderInput = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [announcement, setAnnouncement] = useState("");
  const noteId = useId();
  const total = files.reduce((sum, { file }) => sum + file.size, 0);

  const add = (added: DroppedFile[]) => {
    const paths = new Set(added.map(({ path }) => path));
    onChange([...files.filter(({ path }) => !paths.has(path)), ...added].sort((a, b) => (a.path < b.path ? -1 : 1)));
    setAnnouncement(`${plural(added.length, "file")} added`);
  };
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    add(
      [...(event.target.files ?? [])].map((file) => ({
        path: belowFolder(file.webkitRelativePath || file.name),
        file,
      })),
    );
    event.target.value = ""; // choosing the same file again is a choice
  };
  const dropped = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (!locked) add(await filesOf(event.dataTransfer));
  };
  const remove = (removed: string) => {
    onChange(files.filter(({ path }) => path !== removed));
    setAnnouncement(`${removed} removed`);
  };

  return (
    // data-invalid is how focusFirstInvalid finds it
    <section
      className="min-w-0"
      aria-label={label}
      aria-describedby={noteId}
      data-invalid={error === undefined ? undefined : ""}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is the pointer's way; the buttons are the keyboard's */}
      <div
        onDragOver={(event) => {
          event.preventDefault();
          if (!locked) setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => void dropped(event)}
        className={cx(
          "grid justify-items-center gap-1 rounded-md border border-dashed border-line-strong px-4 text-center",
          files.length > 0 ? "py-4" : "py-8",
          over && "border-accent bg-accent-tint",
          error !== undefined && "border-bad",
        )}
      >
        <Upload aria-hidden strokeWidth={1.5} className="size-5 text-fg-3" />
        <p className="font-medium">Drag files or a folder here</p>
        {hint && <p className="text-xs text-fg-3">{hint}</p>}
        <div className="mt-2 flex flex-wrap justify-center gap-2">
          <Button size="sm" disabled={locked} onClick={() => fileInput.current?.click()}>
            Choose files
          </Button>
          <Button size="sm" disabled={locked} onClick={() => folderInput.current?.click()}>
            <FolderUp aria-hidden className="size-3.5" />
            Choose a folder
          </Button>
        </div>
        <input ref={fileInput} type="file" multiple hidden onChange={chosen} data-testid="files" />
        <input ref={folderInput} type="file" multiple hidden onChange={chosen} {...{ webkitdirectory: "" }} />
      </div>
      <p id={noteId} className={cx("mt-1.5 text-xs", error === undefined ? "text-fg-3" : "text-bad-fg")}>
        {error ?? (files.length > 0 ? `${plural(files.length, "file")}, ${bytes(total)}` : "")}
      </p>
      <span role="status" className="sr-only">
        {announcement}
      </span>
      {files.length > 0 && (
        <ul
          aria-label={`Chosen ${label.toLowerCase()}`}
          className="mt-2 max-h-72 divide-y divide-line overflow-y-auto rounded-md border border-line"
        >
          {files.map(({ path, file }) => (
            <FileRow
              key={path}
              path={path}
              size={file.size}
              progress={progress[path]}
              onRemove={locked ? undefined : () => remove(path)}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

type FileRowProps = { path: string; size: number; progress?: FileProgress; onRemove?: () => void };

function FileRow({ path, size, progress, onRemove }: FileRowProps) {
  const value = progress?.value ?? null;
  return (
    <li className="px-3 py-1.5">
      <div className="flex min-h-6 items-center gap-3">
        <span className="min-w-0 flex-1 truncate font-mono text-xs" title={path}>
          {path}
        </span>
        {progress?.state === "done" && <Status state={operationState("succeeded")} label="Uploaded" />}
        {progress?.state === "failed" && <Status state={operationState("failed")} />}
        {progress?.state === "waiting" && <Status state={operationState("pending")} label="Waiting" />}
        <span className="tnum shrink-0 text-xs text-fg-3">{bytes(size)}</span>
        {onRemove && (
          <button
            type="button"
            aria-label={`Remove ${path}`}
            onClick={onRemove}
            className="grid size-6 place-items-center rounded-sm text-fg-3 hover:bg-hover hover:text-fg"
          >
            <X aria-hidden className="size-3.5" />
          </button>
        )}
      </div>
      {progress?.state === "running" && <Progress bare label={`Uploading ${path}`} value={value} />}
      {progress?.error && <p className="text-xs text-bad-fg">{progress.error}</p>}
    </li>
  );
}

/** "resnet/model.onnx", as a folder input says it, is model.onnx within the folder. */
const belowFolder = (path: string) => (path.includes("/") ? path.slice(path.indexOf("/") + 1) : path);

/** What was dropped, with folders read to their end. One dropped folder is the model's own: its name is left out. */
export async function filesOf(transfer: DataTransfer): Promise<DroppedFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const alone = entries.length === 1 && entries[0]!.isDirectory;
  const found = (await Promise.all(entries.map((entry) => walk(entry, entry.name)))).flat();
  return alone ? found.map(({ path, file }) => ({ path: belowFolder(path), file })) : found;
}

async function walk(entry: FileSystemEntry, path: string): Promise<DroppedFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: DroppedFile[] = [];
  for (;;) {
    // A reader answers in batches, and with none at the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return found;
    for (const child of batch) found.push(...(await walk(child, `${path}/${child.name}`)));
  }
}
