/** Whether the stack runs Supabase Auth itself, by `AUTH_BIN`, and no stand-in for it. */
export const realAuth = Boolean(process.env.AUTH_BIN);
