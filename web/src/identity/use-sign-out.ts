import { useMutation } from "@tanstack/react-query";
import { failed } from "@/kit/toast";
import { signOut } from "./session";

/** Signs out; says so where that did not succeed. */
export const useSignOut = () =>
  useMutation({ mutationFn: signOut, onError: (error) => failed("You are still signed in", error) });
