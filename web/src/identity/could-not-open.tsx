import { Dialog } from "@/kit/dialog";
import { Failure } from "./failure";

type CouldNotOpenProps = {
  /** What is read first: "role". */
  what: string;
  query: { error: unknown; refetch: () => unknown };
  onClose: () => void;
};

/** In place of a dialog whose content could not be read. While it is read, which takes a moment, nothing is shown. */
export function CouldNotOpen({ what, query, onClose }: CouldNotOpenProps) {
  if (!query.error) return null;
  return (
    <Dialog open onClose={onClose} title={`The ${what} could not be read`}>
      <Failure error={query.error} what={what} onRetry={() => void query.refetch()} />
    </Dialog>
  );
}
