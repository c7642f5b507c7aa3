import { api } from "@/api/client";
import { $api } from "@/api/queries";
import { CouldNotOpen } from "@/identity/could-not-open";
import { Button } from "@/kit/button";
import { Confirm } from "@/kit/confirm";
import { Dialog } from "@/kit/dialog";
import { bytes, plural } from "@/lib/format";
import { ObjectLink } from "@/shell/object-link";
import type { Model } from "./queries";

type DeleteModelProps = { model: Model; onClose: () => void; onDeleted: () => void };

/** Says what would go before it asks, and what has to go first. */
export function DeleteModel({ model, onClose, onDeleted }: DeleteModelProps) {
  const preview = $api.useQuery(
    "get",
    "/api/v1/models/{model}/deletion-preview",
    { params: { path: { model: model.id } } },
    { staleTime: 0 },
  );
  if (!preview.data) return <CouldNotOpen what="model" query={preview} onClose={onClose} />;
  const { deletable, versions, aliases, size_bytes, uses } = preview.data;
  if (!deletable)
    return (
      <Dialog
        open
        onClose={onClose}
        title={`${model.name} is in use`}
        description="What uses it has to go first."
        footer={<Button onClick={onClose}>Close</Button>}
      >
        <ul className="grid gap-1">
          {uses.map((use) => (
            <li key={use.id}>
              {use.kind}{" "}
              <ObjectLink kind={use.kind} name={use.name} className="font-medium underline">
                {use.name}
              </ObjectLink>
            </li>
          ))}
        </ul>
      </Dialog>
    );
  return (
    <Confirm
      onClose={onClose}
      title={`Delete ${model.name}?`}
      verb="Delete model"
      typed={model.name}
      onConfirm={async () => {
        await api.DELETE("/api/v1/models/{model}", { params: { path: { model: model.id } } });
        onDeleted();
      }}
    >
      {plural(versions, "version")}
      {aliases.length > 0 && `, ${plural(aliases.length, "alias", "aliases")}`} and {bytes(size_bytes)} of files go with
      it. The audit log keeps what was done.
    </Confirm>
  );
}
