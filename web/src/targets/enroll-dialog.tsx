import { Button } from "@/kit/button";
import { CopyText } from "@/kit/copy-text";
import { Dialog } from "@/kit/dialog";
import { Notice } from "@/kit/notice";
import { severity } from "@/kit/status";
import { dateTime } from "@/lib/format";
import { startCommand } from "./queries";

export type Enrollment = { program: "agent" | "gateway"; name: string; token: string; expires_at: string };

/** How the machine is brought in: its one-use token is shown once. */
export function EnrollDialog({ enrollment, onClose }: { enrollment: Enrollment; onClose: () => void }) {
  const { program, name, token, expires_at } = enrollment;
  return (
    <Dialog
      open
      onClose={onClose}
      size="lg"
      title={`Start the ${program} of ${name}`}
      footer={
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <div className="grid gap-3">
        <p className="text-fg-2">
          Run this on the machine. The {program} dials out to this server; nothing has to be opened for it.
        </p>
        <div className="rounded-md border border-line bg-sunken p-3">
          <CopyText
            text={startCommand(program, token)}
            className="text-fg [&>span]:whitespace-normal [&>span]:wrap-anywhere"
          />
        </div>
        <Notice state={severity("warning")} title="The token works once and is shown once">
          It ends at {dateTime(expires_at)}. Put the server's own address in place of the one above where the machine
          reaches it by another.
        </Notice>
      </div>
    </Dialog>
  );
}
