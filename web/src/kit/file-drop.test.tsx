import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import { type DroppedFile, FileDrop, type FileProgress } from "@/kit/file-drop";

const file = (name: string, size = 2048) => new File(["x".repeat(size)], name);

function Drop({ progress, locked }: { progress?: Record<string, FileProgress>; locked?: boolean }) {
  const [files, setFiles] = useState<DroppedFile[]>([]);
  return <FileDrop label="Model files" files={files} onChange={setFiles} progress={progress} locked={locked} />;
}

// A folder as a browser hands it over; its reader answers in batches.
const fileEntry = (f: File) => ({
  isFile: true,
  isDirectory: false,
  name: f.name,
  file: (ok: (f: File) => void) => ok(f),
});
const folderEntry = (name: string, children: object[]) => ({
  isFile: false,
  isDirectory: true,
  name,
  createReader: () => {
    const batches = [...children.map((child) => [child]), []];
    return { readEntries: (ok: (entries: object[]) => void) => ok(batches.shift()!) };
  },
});
const drop = (entries: object[]) =>
  fireEvent.drop(screen.getByText("Drag files or a folder here"), {
    dataTransfer: { items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })), files: [] },
  });
const paths = () => screen.queryAllByRole("listitem").map((item) => item.querySelector("[title]")!.textContent);

test("files are chosen, listed with their sizes, and removed", async () => {
  render(<Drop />);
  await userEvent.upload(screen.getByTestId("files"), [file("model.onnx"), file("labels.txt", 10)]);
  expect(paths()).toEqual(["labels.txt", "model.onnx"]);
  expect(screen.getByText("2 files, 2 KiB")).toBeVisible();
  expect(screen.getByRole("status")).toHaveTextContent("2 files added");
  await userEvent.click(screen.getByRole("button", { name: "Remove labels.txt" }));
  expect(paths()).toEqual(["model.onnx"]);
});

test("a folder is read to its end, and its own name is left out", async () => {
  render(<Drop />);
  drop([folderEntry("bert", [fileEntry(file("config.json")), folderEntry("onnx", [fileEntry(file("model.onnx"))])])]);
  await waitFor(() => expect(paths()).toEqual(["config.json", "onnx/model.onnx"]));
});

test("two folders keep their names, and a file chosen again replaces the first", async () => {
  render(<Drop />);
  drop([folderEntry("a", [fileEntry(file("x.bin"))]), folderEntry("b", [fileEntry(file("x.bin"))])]);
  await waitFor(() => expect(paths()).toEqual(["a/x.bin", "b/x.bin"]));
  drop([folderEntry("a", [fileEntry(file("x.bin", 4096))]), fileEntry(file("y.bin"))]);
  await waitFor(() => expect(paths()).toEqual(["a/x.bin", "b/x.bin", "y.bin"]));
  expect(screen.getByText("3 files, 8 KiB")).toBeVisible();
});

test("each file shows how far its upload is", async () => {
  const { rerender } = render(<Drop />);
  await userEvent.upload(screen.getByTestId("files"), [file("a.bin"), file("b.bin"), file("c.bin")]);
  rerender(
    <Drop
      locked
      progress={{
        "a.bin": { state: "done" },
        "b.bin": { state: "running", value: 0.5 },
        "c.bin": { state: "failed", error: "The connection broke." },
      }}
    />,
  );
  expect(screen.getByText("Uploaded")).toBeVisible();
  expect(screen.getByRole("progressbar", { name: "Uploading b.bin" })).toHaveAttribute("aria-valuenow", "50");
  expect(screen.getByText("The connection broke.")).toBeVisible();
  expect(screen.queryByRole("button", { name: /Remove/ })).toBeNull();
  expect(screen.getByRole("button", { name: "Choose files" })).toBeDisabled();
});
