import { Button } from "@/kit/button";
import type { Paging } from "@/kit/data-table";

/** Under a list in a card: what it does not show yet. */
export function More({ paging, label }: { paging: Paging; label: string }) {
  if (!paging.hasNextPage) return null;
  return (
    <div className="flex items-center gap-3 border-t border-line p-2">
      <Button variant="ghost" size="sm" busy={paging.isFetchingNextPage} onClick={() => void paging.fetchNextPage()}>
        {label}
      </Button>
      <span role="status" className="text-xs text-bad-fg">
        {paging.isFetchNextPageError && !paging.isFetchingNextPage && "They could not be loaded. Try again."}
      </span>
    </div>
  );
}
