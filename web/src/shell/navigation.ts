// Where one can go. Each page adds its rows when it exists: the sidebar, the palette, the shortcuts and the links to
// objects follow from these tables.
import { linkOptions } from "@tanstack/react-router";
import {
  Boxes,
  Building2,
  Gauge,
  House,
  KeyRound,
  type LucideIcon,
  Plus,
  Rocket,
  ScrollText,
  Server,
  ShieldUser,
  UserRoundCheck,
  Users,
  UsersRound,
} from "lucide-react";

export const groups = ["", "Models", "Serve", "Govern", "Settings"] as const;
export type Group = (typeof groups)[number];

type Row = {
  label: string;
  icon: LucideIcon;
  /** Without it the row is not offered. */
  permission?: string;
  /** A chord, as lib/keyboard writes it: "g r". */
  keys?: string;
};

/** A page of the sidebar. */
export type Destination = Row & { group: Group; link: { to: string } };

export const destinations: readonly Destination[] = [
  { group: "", label: "Home", icon: House, keys: "g h", link: linkOptions({ to: "/modelops" }) },
  {
    group: "Models",
    label: "Registry",
    icon: Boxes,
    permission: "models:read",
    keys: "g r",
    link: linkOptions({ to: "/modelops/registry" }),
  },
  {
    group: "Serve",
    label: "Deployments",
    icon: Rocket,
    permission: "deployments:read",
    keys: "g d",
    link: linkOptions({ to: "/modelops/deployments" }),
  },
  {
    group: "Serve",
    label: "Monitoring",
    icon: Gauge,
    permission: "monitoring:read",
    keys: "g p",
    link: linkOptions({ to: "/modelops/monitoring" }),
  },
  {
    group: "Serve",
    label: "Targets",
    icon: Server,
    permission: "targets:read",
    keys: "g t",
    link: linkOptions({ to: "/modelops/targets" }),
  },
  {
    group: "Govern",
    label: "Approvals",
    icon: UserRoundCheck,
    permission: "approvals:read",
    keys: "g a",
    link: linkOptions({ to: "/modelops/governance" }),
  },
  {
    group: "Govern",
    label: "Audit",
    icon: ScrollText,
    permission: "audit:read",
    link: linkOptions({ to: "/modelops/audit" }),
  },
  {
    group: "Settings",
    label: "Members",
    icon: Users,
    permission: "members:read",
    link: linkOptions({ to: "/modelops/settings/members" }),
  },
  {
    group: "Settings",
    label: "Teams",
    icon: UsersRound,
    permission: "teams:read",
    link: linkOptions({ to: "/modelops/settings/teams" }),
  },
  {
    group: "Settings",
    label: "Roles",
    icon: ShieldUser,
    permission: "roles:read",
    link: linkOptions({ to: "/modelops/settings/roles" }),
  },
  { group: "Settings", label: "API keys", icon: KeyRound, link: linkOptions({ to: "/modelops/settings/api-keys" }) },
  {
    group: "Settings",
    label: "Organization",
    icon: Building2,
    permission: "organization:read",
    link: linkOptions({ to: "/modelops/settings/organization" }),
  },
];

/** What one can begin from anywhere. */
export type Action = Row & { name: "register-model" | "create-deployment"; link: { to: string } };

export const actions: readonly Action[] = [
  {
    name: "register-model",
    label: "Register model",
    icon: Plus,
    permission: "models:write",
    keys: "c m",
    link: linkOptions({ to: "/modelops/register-model" }),
  },
  {
    name: "create-deployment",
    label: "Create deployment",
    icon: Rocket,
    permission: "deployments:write",
    keys: "c d",
    link: linkOptions({ to: "/modelops/deployments/create" }),
  },
];

/** The kinds of objects that may have a page of their own; an upload's is where it becomes a model. */
export type ObjectKind = "model" | "upload" | "deployment" | "target" | "approval" | "member";

type ObjectLink = { to: string; params?: Record<string, string>; search?: Record<string, unknown> };

/** The page of one object, by its name or id. */
export const objectPages: { readonly [Kind in ObjectKind]?: (name: string) => ObjectLink } = {
  model: (model) => ({ to: "/modelops/registry/$model", params: { model } }),
  deployment: (deployment) => ({ to: "/modelops/deployments/$deployment", params: { deployment } }),
  target: (target) => ({ to: "/modelops/targets/$target", params: { target } }),
  approval: (approval) => ({ to: "/modelops/governance", search: { approval } }),
};

/** The rows that somebody may follow. */
export const allowed = <T extends { permission?: string }>(
  rows: readonly T[],
  may: (permission: string) => boolean,
): T[] => rows.filter((row) => !row.permission || may(row.permission));

/** Whether `path` is the page or stands below it. */
export const isCurrent = (to: string, path: string) =>
  to === "/modelops" ? path === to || path === `${to}/` : path === to || path.startsWith(`${to}/`);
