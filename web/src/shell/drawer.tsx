import { Dialog } from "@base-ui/react/dialog";
import { Sidebar } from "./sidebar";

type DrawerProps = { onClose: () => void; onSearch: () => void };

/** The sidebar on narrow windows: above the page, until a page is chosen. */
export default function Drawer({ onClose, onSearch }: DrawerProps) {
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/25 dark:bg-black/55" />
        <Dialog.Popup
          aria-label="Menu"
          className="fixed inset-y-0 left-0 z-50 flex w-64 max-w-[85vw] flex-col bg-bg shadow-pop outline-none"
        >
          <Sidebar
            onNavigate={onClose}
            onSearch={() => {
              onClose();
              onSearch();
            }}
          />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
