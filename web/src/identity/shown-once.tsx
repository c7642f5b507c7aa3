import { Button } from "@/kit/button";
import { CopyText } from "@/kit/copy-text";
import { Dialog } from "@/kit/dialog";
import { Notice } from "@/kit/notice";
import { severity } from "@/kit/status";
import { dateTime } from "@/lib/format";

/** What the server made and will never show again: a key, a link. */
export type Once = { title: string; what: string; text: string; expires_at?: string };

export function ShownOnce({ once, onClose }: { once: Once; onClose: () => void }) {
  return (
    <Dialog
      open
      onClose={onClose}
      title={once.title}
      footer={
        <Button variant="primary" onClick={onClose}>
          I have kept it
        </Button>
      }
    >
      <div className="grid gap-3">
        <Notice state={severity("warning")} title={`This ${once.what} is shown once`}>
          Only its fingerprint is stored. Copy it now; a lost one is replaced by a new one.
        </Notice>
        <div className="rounded-md border border-line bg-sunken p-3">
          <CopyText text={once.text} className="text-fg [&>span]:whitespace-normal [&>span]:wrap-anywhere" />
        </div>
        {once.expires_at && <p className="text-xs text-fg-2">It works until {dateTime(once.expires_at)}.</p>}
      </div>
    </Dialog>
  );
}

/** The link that signs somebody in once. */
export const signInLink = (token: string) => `${location.origin}/modelops/sign-in#token=${token}`;
