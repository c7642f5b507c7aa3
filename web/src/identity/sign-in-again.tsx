import { Dialog } from "@base-ui/react/dialog";
import { useSession } from "./session";
import { SignInForm } from "./sign-in-form";

/** Above a page whose session has ended. The page below keeps what was typed. */
export default function SignInAgain() {
  const session = useSession();
  return (
    <Dialog.Root open>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-60 bg-black/25 dark:bg-black/55" />
        <Dialog.Viewport className="fixed inset-0 z-60 grid place-items-center overflow-y-auto p-4">
          <Dialog.Popup className="grid w-full max-w-88 gap-3 rounded-xl bg-surface p-5 shadow-pop outline-none">
            <Dialog.Title className="text-lg font-semibold">Sign in again</Dialog.Title>
            <Dialog.Description className="text-fg-2">
              The session of {session.name} has ended. What you typed on this page is still there.
            </Dialog.Description>
            <SignInForm
              organization={session.organization}
              onDone={(actor_id) => {
                // Another person's page would be this one's: begin anew.
                if (actor_id !== session.actor_id) location.assign("/modelops");
              }}
            />
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
