import { useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { api, type Schema } from "@/api/client";
import { $api } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { ProblemNote } from "@/identity/problem-note";
import { useWho } from "@/identity/queries";
import { useSession } from "@/identity/session";
import { Button } from "@/kit/button";
import { CopyText } from "@/kit/copy-text";
import { Dialog } from "@/kit/dialog";
import { Field } from "@/kit/field";
import { Textarea } from "@/kit/input";
import { Notice } from "@/kit/notice";
import { approvalState, Status, severity } from "@/kit/status";
import { dateTime } from "@/lib/format";

export type Approval = Schema<"Approval">;

/** One request for approval: what it is about, and the decision. */
export function ApprovalDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const approval = $api.useQuery("get", "/api/v1/approvals/{approval}", { params: { path: { approval: id } } });
  if (approval.data) return <Decision key={approval.data.row_version} approval={approval.data} onClose={onClose} />;
  return (
    <Dialog open onClose={onClose} title="Approval">
      <Loaded query={approval} what="The approval" one="approval" />
    </Dialog>
  );
}

function Decision({ approval, onClose }: { approval: Approval; onClose: () => void }) {
  const { may, actor_id } = useSession();
  const who = useWho();
  const client = useQueryClient();
  const hint = useId();
  const [comment, setComment] = useState("");
  const [sending, setSending] = useState<"approve" | "reject">();
  const [error, setError] = useState<unknown>();
  const open = approval.state === "pending" && may("approvals:decide");
  const own = approval.author_id === actor_id;

  const decide = async (decision: "approve" | "reject") => {
    setSending(decision);
    setError(undefined);
    try {
      await api.POST("/api/v1/approvals/{approval}/decision", {
        params: { path: { approval: approval.id } },
        body: { decision, comment },
      });
      await client.invalidateQueries({ queryKey: ["get", "/api/v1/approvals"] });
      onClose();
    } catch (thrown) {
      setError(thrown);
      setSending(undefined);
    }
  };

  return (
    <Dialog
      open
      onClose={onClose}
      title={approval.subject_name}
      description={<Status state={approvalState(approval.state)} />}
      footer={
        open ? (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="danger" busy={sending === "reject"} onClick={() => void decide("reject")}>
              Reject
            </Button>
            <Button variant="primary" busy={sending === "approve"} onClick={() => void decide("approve")}>
              Approve
            </Button>
          </>
        ) : (
          <Button onClick={onClose}>Close</Button>
        )
      }
    >
      <div className="grid gap-4">
        <dl className="grid grid-cols-[8rem_minmax(0,1fr)] gap-y-1.5">
          <dt className="text-fg-3">Content</dt>
          <dd className="min-w-0">
            <CopyText text={approval.subject_digest} />
          </dd>
          <dt className="text-fg-3">Made by</dt>
          <dd>{who(approval.author_id)}</dd>
          <dt className="text-fg-3">Asked by</dt>
          <dd>
            {who(approval.requested_by)}, {dateTime(approval.created_at)}
          </dd>
          {approval.comment && (
            <>
              <dt className="text-fg-3">Comment</dt>
              <dd className="whitespace-pre-line wrap-anywhere">{approval.comment}</dd>
            </>
          )}
          {approval.decided_by && approval.decided_at && (
            <>
              <dt className="text-fg-3">Decided by</dt>
              <dd>
                {who(approval.decided_by)}, {dateTime(approval.decided_at)}
              </dd>
            </>
          )}
          {approval.decision_comment && (
            <>
              <dt className="text-fg-3">Because</dt>
              <dd className="whitespace-pre-line wrap-anywhere">{approval.decision_comment}</dd>
            </>
          )}
        </dl>
        {approval.self_approval && (
          <Notice state={severity("warning")} title="Its author decided, since nobody else could">
            It never satisfies a production gate.
          </Notice>
        )}
        {open && own && (
          <Notice state={severity("info")} title="You made this">
            Its author decides only where the organization allows it and nobody else could; it is then recorded as such.
          </Notice>
        )}
        {approval.state === "pending" && !may("approvals:decide") && (
          <Notice state={severity("info")} title="Somebody else decides">
            It needs the permission approvals:decide.
          </Notice>
        )}
        {open && (
          <Field label="Why" optional hint={<span id={hint}>It is kept with the decision and in the audit log.</span>}>
            <Textarea value={comment} maxLength={4000} onChange={(event) => setComment(event.target.value)} />
          </Field>
        )}
        <ProblemNote error={error} />
      </div>
    </Dialog>
  );
}
