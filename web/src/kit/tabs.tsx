import { Tabs as BaseTabs } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export type Tab<V extends string> = { value: V; label: string; count?: number };

type TabsProps<V extends string> = {
  label: string;
  tabs: readonly Tab<V>[];
  /** From the URL, and back to it. */
  value: V;
  onChange: (value: V) => void;
  className?: string;
  /** The content of the open tab, in a TabPanel. */
  children?: ReactNode;
};

export function Tabs<V extends string>({ label, tabs, value, onChange, className, children }: TabsProps<V>) {
  return (
    <BaseTabs.Root value={value} onValueChange={(next) => onChange(next as V)} className={className}>
      <BaseTabs.List
        aria-label={label}
        className="relative mt-3 flex gap-4 overflow-x-auto border-b border-line [scrollbar-width:none]"
      >
        {tabs.map((tab) => (
          <BaseTabs.Tab
            key={tab.value}
            value={tab.value}
            className={cx(
              "-mb-px flex h-10 shrink-0 items-center gap-1.5 border-b-2 border-transparent px-0.5 text-sm text-fg-2",
              "hover:text-fg focus-visible:-outline-offset-2 data-active:border-ink data-active:font-medium data-active:text-fg",
            )}
          >
            {tab.label}
            {tab.count !== undefined && <span className="tnum text-xs font-normal text-fg-3">{tab.count}</span>}
          </BaseTabs.Tab>
        ))}
      </BaseTabs.List>
      {children}
    </BaseTabs.Root>
  );
}

export function TabPanel({ value, children, className }: { value: string; children: ReactNode; className?: string }) {
  return (
    <BaseTabs.Panel value={value} className={cx("outline-none", className)}>
      {children}
    </BaseTabs.Panel>
  );
}
