import { useQuery } from "@tanstack/react-query";
import { api, body } from "@/api/client";
import { Problem } from "@/api/problem";
import { $api } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { Button } from "@/kit/button";
import { CopyText } from "@/kit/copy-text";
import { Dialog } from "@/kit/dialog";
import { auditOutcome, operationState, Status } from "@/kit/status";
import { dateTime } from "@/lib/format";
import { checkProof } from "./proof";

type RecordDialogProps = { id: string; onClose: () => void; onSubject: (id: string) => void };

/** One record, and the proof that it stands in the log as it was written. */
export function RecordDialog({ id, onClose, onSubject }: RecordDialogProps) {
  const record = $api.useQuery("get", "/api/v1/audit/records/{record}", { params: { path: { record: id } } });
  return (
    <Dialog
      open
      onClose={onClose}
      size="lg"
      title={record.data ? record.data.action : "Audit record"}
      footer={<Button onClick={onClose}>Close</Button>}
    >
      <Loaded query={record} what="The record" one="audit record">
        {(read) => (
          <div className="grid gap-5">
            <dl className="grid grid-cols-[8rem_minmax(0,1fr)] gap-y-1.5">
              <dt className="text-fg-3">Outcome</dt>
              <dd>
                <Status state={auditOutcome(read.outcome)} />
              </dd>
              <dt className="text-fg-3">When</dt>
              <dd className="tnum">{dateTime(read.time)}</dd>
              <dt className="text-fg-3">Who</dt>
              <dd>
                {read.actor_name ?? (read.personal_erased && "Erased, as was asked for")}{" "}
                <CopyText text={read.actor_id} />
              </dd>
              {read.remote_address && (
                <>
                  <dt className="text-fg-3">From</dt>
                  <dd className="font-mono text-xs">{read.remote_address}</dd>
                </>
              )}
              <dt className="text-fg-3">On what</dt>
              <dd className="flex flex-wrap items-center gap-x-3">
                {read.subject_kind.replaceAll("_", " ")} <CopyText text={read.subject_id} />
                <button type="button" className="underline" onClick={() => onSubject(read.subject_id)}>
                  Everything about it
                </button>
              </dd>
              {read.request_id && (
                <>
                  <dt className="text-fg-3">Request</dt>
                  <dd>
                    <CopyText text={read.request_id} />
                  </dd>
                </>
              )}
            </dl>
            {read.data != null && (
              <pre className="max-h-56 overflow-auto rounded-md border border-line bg-sunken p-3 font-mono text-xs">
                {JSON.stringify(read.data, null, 2)}
              </pre>
            )}
            <Proof id={id} />
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}

function Proof({ id }: { id: string }) {
  const checks = useQuery({
    queryKey: ["proof", id],
    queryFn: async () => {
      // The newest signed head, so that the proof ends at a signature.
      const head = await body(api.GET("/api/v1/audit/head"));
      const path = { record: id };
      const [proof, keys] = await Promise.all([
        body(
          api.GET("/api/v1/audit/records/{record}/proof", { params: { path, query: { tree_size: head.tree_size } } }),
        ),
        body(api.GET("/api/v1/audit/keys")),
      ]);
      return checkProof(proof, keys.items);
    },
    // A record is integrated within a second.
    retry: (failures, error) => failures < 3 && error instanceof Problem && [404, 409, 422].includes(error.status),
    retryDelay: 1000,
  });
  return (
    <section aria-labelledby="proof-title" className="rounded-md border border-line">
      <header className="border-b border-line px-4 py-2.5">
        <h3 id="proof-title" className="font-medium">
          Proof
        </h3>
        <p className="text-xs text-fg-3">Computed in this browser from hashes alone; the server is not believed.</p>
      </header>
      <Loaded query={checks} what="The proof" lines={2}>
        {(done) => (
          <ul aria-live="polite" aria-label="Checks" className="grid gap-3 p-4">
            {done.map((check) => (
              <li key={check.name}>
                <Status
                  state={operationState(check.holds ? "succeeded" : "failed")}
                  label={`${check.name}: ${check.holds ? "yes" : "no"}`}
                />
                <p className="pl-5 text-xs wrap-anywhere text-fg-2">{check.detail}</p>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}
