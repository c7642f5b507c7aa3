import { Moon, Sun } from "lucide-react";
import { IconButton } from "@/kit/icon-button";
import { setTheme, useTheme } from "@/lib/theme";

export function ThemeSwitch() {
  const theme = useTheme();
  const Icon = theme === "dark" ? Sun : Moon;
  const other = theme === "dark" ? "light" : "dark";
  return (
    <IconButton label={`Use the ${other} theme`} onClick={() => setTheme(other)}>
      <Icon aria-hidden className="size-4" strokeWidth={1.75} />
    </IconButton>
  );
}
